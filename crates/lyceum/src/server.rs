//! The HTTP server: accepting connections within limits, and stopping without cutting off a request.

mod listen;
mod machine;
mod route;

pub(crate) use listen::{Server, stop_signal};
pub(crate) use route::router;
