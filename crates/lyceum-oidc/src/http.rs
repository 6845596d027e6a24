//! The requests of the `openidconnect` crate, made by ours.

use std::pin::Pin;

use bytes::Bytes;
use http::{Request, Response};
use lyceum_fetch::{Answer, FetchLimits, Fetcher, Target};
use openidconnect::AsyncHttpClient;

/// Bounds of one exchange with a provider. Documents of keys are the largest, with some tens of kilobytes.
const LIMITS: FetchLimits = FetchLimits { connect_seconds: 5, total_seconds: 15, answer_bytes: 512 * 1024 };

/// Makes requests to a provider.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    pub(crate) fetcher: Fetcher,
    /// Whether the provider itself speaks without TLS, so that all of it may.
    pub(crate) plain: bool,
}

/// Why there is no usable answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("`{0}` is not encrypted, though the provider is")]
    Plain(String),
    #[error("the answer is too long")]
    TooLong,
    #[error(transparent)]
    Fetch(#[from] lyceum_fetch::Error),
}

impl Http {
    pub(crate) async fn exchange(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, HttpError> {
        let (head, body) = request.into_parts();
        let address = head.uri.to_string();
        let target = Target::parse(&address)?;
        if !self.plain && !target.secure() {
            return Err(HttpError::Plain(address));
        }
        let sent = self.fetcher.exchange(head.method, &target, head.headers, Bytes::from(body), LIMITS);
        let Answer { status, headers, body, truncated } = sent.await?;
        if truncated {
            return Err(HttpError::TooLong);
        }
        let mut response = Response::new(body.to_vec());
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: Request<Vec<u8>>) -> Self::Future {
        Box::pin(self.exchange(request))
    }
}
