//! Images and other artifacts in OCI registries.
//!
//! Owns [`Source`]: the one way in which the rest of the program reads an image, wherever it lies.
//! Names are read by [`Reference`].

mod document;
mod platform;
mod reference;
mod source;

pub use document::Document;
pub use document::DocumentError;
pub use document::MAX_MANIFEST;
pub use platform::NoPlatform;
pub use platform::choose;
pub use reference::InvalidReference;
pub use reference::Reference;
pub use source::Blob;
pub use source::Manifest;
pub use source::Platform;
pub use source::Reading;
pub use source::Source;
pub use source::SourceError;
