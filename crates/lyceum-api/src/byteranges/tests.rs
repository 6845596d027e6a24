use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt as _;
use proptest::prelude::*;

use super::*;

const ETAG: &str = "\"abc\"";

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, text)| ((*name).parse().unwrap(), text.parse().unwrap())).collect()
}

fn range(start: u64, end: u64) -> ByteRange {
    ByteRange::new(start, end)
}

#[test]
fn selects_what_a_request_wants() {
    let check = |pairs: &[(&'static str, &str)], expected: Selection| {
        assert_eq!(select(&headers(pairs), 100, ETAG).unwrap(), expected, "{pairs:?}");
    };
    check(&[], Selection::Whole);
    check(&[("range", "bytes=0-9")], Selection::One(range(0, 10)));
    check(&[("range", "bytes=90-")], Selection::One(range(90, 100)));
    check(&[("range", "bytes=-5")], Selection::One(range(95, 100)));
    check(&[("range", "bytes=0-100000")], Selection::One(range(0, 100)));
    check(&[("range", "bytes=100-")], Selection::Nothing);
    check(&[("range", "bytes=-0")], Selection::Nothing);
    check(&[("range", "bytes=50-59,0-9")], Selection::Several(vec![range(50, 60), range(0, 10)]));
    check(&[("range", "bytes=0-9,10-19")], Selection::Several(vec![range(0, 10), range(10, 20)]));
    check(&[("range", "bytes=0-9,5-19")], Selection::One(range(0, 20)));
    check(&[("range", "bytes=0-9,200-")], Selection::One(range(0, 10)));
    check(&[("range", "lines=0-9")], Selection::Whole);
    check(&[("range", "bytes=0-9"), ("if-range", "\"abc\"")], Selection::One(range(0, 10)));
    check(&[("range", "bytes=0-9"), ("if-range", "\"other\"")], Selection::Whole);
    check(&[("range", "bytes=0-9"), ("if-range", "W/\"abc\"")], Selection::Whole);
    check(&[("range", "bytes=0-9"), ("if-range", "Wed, 21 Oct 2015 07:28:00 GMT")], Selection::Whole);
}

#[test]
fn refuses_malformed_ranges() {
    for text in ["bytes", "bytes=", "bytes=a-b", "bytes=9-0", "bytes=0-1,,", "bytes=--1", "bytes=+1-2"] {
        let error = select(&headers(&[("range", text)]), 100, ETAG).unwrap_err();
        assert_eq!(error.parts().status, StatusCode::BAD_REQUEST, "{text}");
    }
}

/// Answers from `content`, in pieces of three bytes.
async fn answer(content: &'static [u8], selection: Selection, size: Option<u64>, head: bool) -> ApiResult {
    let read = move |range: ByteRange| async move {
        let (start, end) = (usize::try_from(range.start).unwrap(), usize::try_from(range.end).unwrap());
        let pieces: Vec<_> = content[start..end]
            .chunks(3)
            .map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece)))
            .collect();
        Ok(stream::iter(pieces))
    };
    respond(Response::default(), selection, size, head, || "limit".to_owned(), read).await
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn answers_with_exactly_the_asked_bytes() {
    let whole = answer(b"0123456789", Selection::Whole, Some(10), false).await.unwrap();
    assert_eq!((whole.status(), header(&whole, "content-length")), (StatusCode::OK, "10"));
    assert_eq!(text(whole).await, "0123456789");

    let one = answer(b"0123456789", Selection::One(range(2, 7)), Some(10), false).await.unwrap();
    assert_eq!((one.status(), header(&one, "content-length")), (StatusCode::PARTIAL_CONTENT, "5"));
    assert_eq!(header(&one, "content-range"), "bytes 2-6/10");
    assert_eq!(text(one).await, "23456");

    let unsized_one = answer(b"0123456789", Selection::One(range(2, 7)), None, false).await.unwrap();
    assert_eq!(header(&unsized_one, "content-range"), "bytes 2-6/*");

    let several = Selection::Several(vec![range(8, 10), range(0, 4)]);
    let several = answer(b"0123456789", several, Some(10), false).await.unwrap();
    assert_eq!(several.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(header(&several, "content-type"), "multipart/byteranges; boundary=limit");
    let length: usize = header(&several, "content-length").parse().unwrap();
    let expected = "--limit\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes 8-9/10\r\n\r\n89\
                    \r\n--limit\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes 0-3/10\r\n\r\n0123\
                    \r\n--limit--\r\n";
    let body = text(several).await;
    assert_eq!(body, expected);
    assert_eq!(body.len(), length);
}

#[tokio::test]
async fn head_reads_nothing_and_tells_the_same_headers() {
    for selection in
        [Selection::Whole, Selection::One(range(2, 7)), Selection::Several(vec![range(0, 1), range(3, 4)])]
    {
        let get = answer(b"0123456789", selection.clone(), Some(10), false).await.unwrap();
        // Reading out of bounds would panic: content is empty.
        let head = answer(b"", selection, Some(10), true).await.unwrap();
        assert_eq!(head.status(), get.status());
        assert_eq!(head.headers(), get.headers());
        assert_eq!(text(head).await, "");
    }
}

#[tokio::test]
async fn nothing_is_416() {
    let response = answer(b"0123456789", Selection::Nothing, Some(10), false).await.unwrap();
    assert_eq!(response.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(header(&response, "content-range"), "bytes */10");
}

proptest! {
    #[test]
    fn union_has_each_byte_once(ranges in prop::collection::vec((0_u64..60, 0_u64..20), 0..12)) {
        let ranges: Vec<_> = ranges.into_iter().map(|(start, length)| range(start, start + length + 1)).collect();
        let joined = union(ranges.clone());
        for byte in 0..100 {
            let inside = |range: &&ByteRange| (range.start..range.end).contains(&byte);
            let before = ranges.iter().any(|range| inside(&range));
            prop_assert_eq!(joined.iter().filter(inside).count(), usize::from(before));
        }
        prop_assert!(joined.windows(2).all(|pair| pair[0].end < pair[1].start));
    }
}
