//! The `engine` executor: steps run as containers of a Docker or Podman that is already there.
//!
//! For machines where namespaces are not to be had: macOS, locked-down CI. Everything goes through the Docker Engine API
//! on a unix socket, so nothing here needs Linux or root, and nothing assumes that the engine's files are this machine's.
//! It does not decide which executor a run uses, and it does not know registries: the engine pulls.
//!
//! Read [`socket`] for where the engine is looked for, [`detect`] for how it is asked, then `backend` and `sandbox`.

mod account;
mod archive;
mod backend;
mod client;
mod credentials;
pub mod detect;
mod image;
mod layout;
mod mounts;
mod network;
mod place;
mod program;
mod removal;
mod running;
mod sandbox;
pub mod socket;
mod tee;
mod tree;

pub use backend::Config;
pub use backend::Engine;
pub use detect::Detected;
pub use detect::Kind;
pub use image::Login;
pub use image::Logins;
