use futures_util::TryStreamExt as _;

use super::*;

fn body(pieces: &[&'static str]) -> Body {
    let pieces: Vec<_> =
        pieces.iter().map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece.as_bytes()))).collect();
    Body::from_stream(stream::iter(pieces))
}

fn announcing(length: &str) -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_LENGTH, length.parse().unwrap())])
}

#[tokio::test]
async fn a_body_is_cut_at_its_limit() {
    let whole = body_stream(&HeaderMap::new(), body(&["abc", "def"]), 6).unwrap();
    assert_eq!(whole.try_collect::<Vec<_>>().await.unwrap().concat(), b"abcdef");
    let long = body_stream(&HeaderMap::new(), body(&["abc", "def"]), 5).unwrap();
    let error = long.try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.to_string(), "body is larger than 5 bytes");
    assert!(body_stream(&announcing("6"), body(&["abc", "def"]), 5).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stops_sending_is_given_up() {
    let stuck = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let mut stream = body_stream(&HeaderMap::new(), stuck, 5).unwrap();
    assert!(matches!(stream.next().await, Some(Err(UploadError::Paused))));
    assert!(stream.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn bodies_share_memory() {
    let memory = BodyMemory::new(4 * PERMIT_BYTES, 3 * PERMIT_BYTES);
    let first = memory.read(&HeaderMap::new(), body(&["abc"])).await.unwrap();
    assert_eq!(first.bytes, "abc");
    let small = memory.read(&announcing("3"), body(&["abc"])).await.unwrap();
    let refused = memory.read(&announcing("3000"), body(&["abc"])).await.unwrap_err();
    assert_eq!(refused.parts().status, http::StatusCode::SERVICE_UNAVAILABLE);
    drop((first, small));
    memory.read(&announcing("3000"), body(&["abc"])).await.unwrap();
}
