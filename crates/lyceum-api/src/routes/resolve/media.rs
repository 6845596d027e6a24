//! How browsers are told to take a file: by its name only, never by its content.

use http::HeaderValue;

use crate::link::segment;

/// Media types of names that a browser may show. Anything that could run, such as HTML, is text here.
const MEDIA_TYPES: &[(&str, &str)] = &[
    ("avif", "image/avif"),
    ("flac", "audio/flac"),
    ("gif", "image/gif"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("json", "application/json"),
    ("m4a", "audio/mp4"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("ogg", "audio/ogg"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("wasm", "application/wasm"),
    ("wav", "audio/wav"),
    ("webm", "video/webm"),
    ("webp", "image/webp"),
];

/// Returns the media type of a file: by its ending, else bytes for a large file and text for any other.
pub(super) fn content_type(file_name: &str, large: bool) -> HeaderValue {
    let ending = file_name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let known = ending.and_then(|ending| MEDIA_TYPES.iter().find(|(known, _)| *known == ending));
    match known {
        Some((_, media_type)) => HeaderValue::from_static(media_type),
        None if large => HeaderValue::from_static("application/octet-stream"),
        None => HeaderValue::from_static("text/plain; charset=utf-8"),
    }
}

/// Returns `Content-Disposition` (RFC 6266): the exact name, and one for clients that know only ASCII.
pub(in crate::routes) fn disposition(file_name: &str, attachment: bool) -> HeaderValue {
    let kind = if attachment { "attachment" } else { "inline" };
    let plain: String = file_name
        .chars()
        .map(|c| if matches!(c, ' '..='~') && !matches!(c, '"' | '\\') { c } else { '_' })
        .collect();
    let exact = segment(file_name);
    HeaderValue::try_from(format!("{kind}; filename*=UTF-8''{exact}; filename=\"{plain}\";"))
        .expect("what is not printable ASCII was replaced")
}
