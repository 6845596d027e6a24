//! End-to-end tests: the real binary as a process, spoken to over HTTP and by its command line.

mod cli;
mod client;
mod concurrency;
mod crash;
mod demo;
mod pages;
mod process;
mod serve;
