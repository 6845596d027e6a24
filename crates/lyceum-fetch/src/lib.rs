//! Requests that the hub makes to other machines, over HTTP and HTTPS.
//!
//! Addresses come from users, so a request must not reach what only this machine can reach: the name is resolved once,
//! every address that it leads to is checked, and the connection goes to one of those, so that a name cannot lead
//! elsewhere a moment later. An [exchange](Fetcher::exchange) follows no redirect, and its time and size are bounded;
//! [opening](Fetcher::open) an answer follows a few, each checked as the first address was.

mod address;
mod allow;
mod error;
mod fetcher;
mod resolver;
mod stream;
mod target;

pub use allow::{AllowList, InvalidEntry};
pub use error::{Error, Result};
pub use fetcher::{Answer, FetchLimits, Fetcher};
pub use resolver::Resolver;
pub use stream::{OpenLimits, Opened};
pub use target::Target;
