//! Containers without a daemon: images on disk, and the `container` executor that runs steps in them.
//!
//! Owns the content store that all runs share, unpacking of layers, image archives and layouts, and the backend that
//! turns an image and a process into a view of the executor's launcher. It does not talk to registries itself:
//! that is [`windlass_fetch::oci`].
//!
//! Overlays and the marks they keep in directories are Linux's, so elsewhere this crate is empty.
#![cfg(target_os = "linux")]

mod config;
mod digest;
mod limits;
mod remove;
mod roots;

pub mod archive;
pub mod import;
pub mod store;
pub mod unpack;

pub use config::Config;
pub use digest::Digest;
pub use digest::DigestError;
pub use import::import;
pub use limits::Limits;
pub use roots::Images;
pub use store::Image;
pub use store::Store;
