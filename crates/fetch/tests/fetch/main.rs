//! Fetches from real repositories and servers on the loopback interface.

#![expect(clippy::unwrap_used, reason = "a test stops where its preparation goes wrong")]

mod bundle;
mod checkout;
mod fetcher;
mod git;
mod http;
mod hub;
mod login;
mod mirrors;
mod pull;
mod push;
mod registry;
mod repository;
mod server;
