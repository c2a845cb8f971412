//! Fetches from git repositories, with the `git` program as the only thing that speaks to them.
//!
//! # Why the program and not a library
//! A repository that is fetched on someone's behalf is hostile until shown otherwise. The program runs in a
//! process group of its own with a bounded address space and file size, and is killed when its time is up;
//! a library would have to be trusted with all of that inside this process. It also brings ssh, bundles of
//! old servers' quirks and a depth-1 fetch as fast as any, for no compile time. The price is that `git` 2.31
//! or newer must be installed, 2.37 where the policy refuses private networks.
//!
//! # Guarantees
//! - Nothing from a repository is ever run: no hooks, no filters, no configuration, no submodules.
//! - A single file is read as an object, without a work tree; links are followed inside the repository only.
//! - The program sees no configuration and no environment but what is written in `program`, may use only the
//!   transport of the URL, and connects to an address that the policy has judged.
//! - Credentials travel in the environment, bound to the origin of the URL, never in arguments.

mod checkout;
mod error;
mod location;
mod object;
mod program;
mod remote;
mod request;
mod route;

#[cfg(test)]
mod tests;

pub use checkout::Checkout;
pub use checkout::CheckoutRequest;
pub use checkout::checkout;
pub use error::Error;
pub use object::fetch_file;
pub use request::Request;
pub use request::repository_url;
