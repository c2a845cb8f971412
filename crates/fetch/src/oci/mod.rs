//! Images and other artifacts in OCI registries.
//!
//! Owns [`Source`]: the one way in which the rest of the program reads an image, wherever it lies; and everything
//! between an image's name and its bytes: names ([`Reference`]), where they lead ([`Registries`]), who asks
//! ([`Keyring`]) and the asking itself ([`Client`], [`Image`]). It does not know what an image means to a machine.
//!
//! Read [`Image`] first.

mod body;
mod challenge;
mod client;
mod document;
mod error;
mod helper;
mod image;
mod keyring;
mod pattern;
mod platform;
mod push;
mod reference;
mod registries;
mod session;
mod source;
mod tokens;
mod wire;

pub use client::Client;
pub use document::Document;
pub use document::DocumentError;
pub use document::MAX_MANIFEST;
pub use error::Code;
pub use error::Error;
pub use error::Exhausted;
pub use error::Failure;
pub use error::Tried;
pub use image::Image;
pub use keyring::Keyring;
pub use keyring::KeyringError;
pub use platform::NoPlatform;
pub use platform::choose;
pub use reference::InvalidReference;
pub use reference::Reference;
pub use registries::InvalidRegistries;
pub use registries::MIRRORS_VARIABLE;
pub use registries::Mirror;
pub use registries::REGISTRIES_VARIABLE;
pub use registries::Registries;
pub use source::Blob;
pub use source::Manifest;
pub use source::Platform;
pub use source::Reading;
pub use source::Source;
pub use source::SourceError;
pub use wire::Patience;
