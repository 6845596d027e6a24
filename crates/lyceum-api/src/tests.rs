//! Requests through the whole router, on a real hub over a temporary database and store.

mod buckets;
mod collections;
mod commits;
mod discussions;
mod identity;
mod listing;
mod matrix;
mod organisations;
mod people;
mod refs;
mod repos;
mod server;
mod table;
mod tokens;
mod webhooks;
