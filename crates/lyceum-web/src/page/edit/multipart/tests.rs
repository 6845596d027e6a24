use bytes::Bytes;
use futures_util::stream;

use super::{Multipart, boundary};

/// Reads a form that arrives in pieces of `size` bytes.
async fn read(form: &str, size: usize) -> Result<Vec<(String, Option<String>, String)>, String> {
    let pieces: Vec<_> =
        form.as_bytes().chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let mut form = Multipart::new("multipart/form-data; boundary=xy", stream::iter(pieces)).unwrap();
    let mut parts = Vec::new();
    while let Some(part) = form.next_part().await.map_err(|error| error.to_string())? {
        let mut content = Vec::new();
        while let Some(data) = form.chunk().await.map_err(|error| error.to_string())? {
            content.extend_from_slice(&data);
        }
        parts.push((part.name, part.file_name, String::from_utf8(content).unwrap()));
    }
    Ok(parts)
}

#[tokio::test]
async fn parts_are_read_however_they_arrive() {
    let form = "--xy\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n--x\r\n--xz\r\n--xy\r\n\
                content-disposition: form-data; name=\"file\"; filename=\"a%22b.txt\"\r\nContent-Type: text/plain\r\n\r\n\r\n--xy--\r\n";
    let expected = vec![
        ("a".to_owned(), None, "\r\n--x\r\n--xz".to_owned()),
        ("file".to_owned(), Some("a\"b.txt".to_owned()), String::new()),
    ];
    for size in 1..form.len() {
        assert_eq!(read(form, size).await.as_ref(), Ok(&expected), "in pieces of {size}");
    }
}

#[tokio::test]
async fn broken_forms_are_refused() {
    let long = format!("--xy\r\nX: {}\r\n", "x".repeat(20_000));
    for form in [
        "",
        "--xy",
        "--xy\r\n\r\nno name\r\n--xy--",
        "--xy\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nends",
        &long,
    ] {
        assert!(read(form, 7).await.is_err(), "{form:?}");
    }
    for media_type in ["", "text/plain; boundary=a", "multipart/form-data", "multipart/form-data; boundary="]
    {
        assert_eq!(boundary(media_type), None, "{media_type}");
    }
}
