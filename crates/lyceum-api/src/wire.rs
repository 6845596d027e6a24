//! What goes over the wire: types of requests and answers, converted from and to those of `lyceum-hub`.

pub(crate) mod identity;
