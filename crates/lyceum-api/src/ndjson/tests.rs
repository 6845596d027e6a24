use futures_util::stream;
use proptest::prelude::*;

use super::*;

async fn read(pieces: &[&[u8]], limit: usize) -> ApiResult<Vec<(usize, String)>> {
    let pieces: Vec<Result<Bytes, UploadError>> =
        pieces.iter().map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let mut lines = Lines::new(stream::iter(pieces), limit);
    let mut read = Vec::new();
    while let Some(line) = lines.next().await? {
        read.push((line.number, String::from_utf8_lossy(&line.bytes).into_owned()));
    }
    Ok(read)
}

#[tokio::test]
async fn splits_and_numbers_lines() {
    let owned = |lines: &[(usize, &str)]| -> Vec<(usize, String)> {
        lines.iter().map(|(number, line)| (*number, (*line).to_owned())).collect()
    };
    for (pieces, expected) in [
        (&[] as &[&[u8]], owned(&[])),
        (&[b"a"], owned(&[(1, "a")])),
        (&[b"a\n"], owned(&[(1, "a")])),
        (&[b"a\nb", b"c\n", b"", b"d"], owned(&[(1, "a"), (2, "bc"), (3, "d")])),
        (&[b"\n \r\na\r\n\n"], owned(&[(3, "a\r")])),
    ] {
        assert_eq!(read(pieces, 10).await.expect("valid"), expected, "{pieces:?}");
    }
}

#[tokio::test]
async fn bounds_a_line_with_or_without_its_end() {
    assert!(read(&[b"12345\n123"], 5).await.is_ok());
    for pieces in [&[b"123456" as &[u8]] as &[&[u8]], &[b"123456\n"], &[b"ok\n123", b"456", b"\n"]] {
        let error = read(pieces, 5).await.expect_err("too long");
        assert_eq!(error.parts().status, 413, "{pieces:?}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error() {
    let pieces: Vec<Result<Bytes, UploadError>> =
        vec![Ok(Bytes::from_static(b"a\nb")), Err(UploadError::Paused)];
    let mut lines = Lines::new(stream::iter(pieces), 10);
    assert!(lines.next().await.expect("first line").is_some());
    assert!(lines.next().await.is_err());
}

proptest! {
    /// However the body is cut, the lines are those of the whole.
    #[test]
    fn pieces_do_not_matter(text in "[ab\n]{0,40}", cuts in proptest::collection::vec(0_usize..40, 0..6)) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]).collect();
        let expected: Vec<(usize, String)> = text
            .split('\n')
            .enumerate()
            .filter(|(_, line)| !line.is_empty())
            .map(|(index, line)| (index + 1, line.to_owned()))
            .collect();
        let read = futures_util::FutureExt::now_or_never(read(&pieces, 100)).expect("never waits");
        prop_assert_eq!(read.expect("valid"), expected);
    }
}
