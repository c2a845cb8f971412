//! Images and other artifacts in OCI registries.
//!
//! Owns [`Source`]: the one way in which the rest of the program reads an image, wherever it lies.

mod source;

pub use source::Blob;
pub use source::Manifest;
pub use source::Platform;
pub use source::Reading;
pub use source::Source;
pub use source::SourceError;
