//! End-to-end tests: the real binary as a process, spoken to over HTTP and by its command line.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cli;
mod client;
mod concurrency;
mod crash;
mod demo;
mod git;
mod pages;
mod postgres;
mod process;
mod push;
mod serve;
