//! Images in files: OCI layouts, as a directory or a tar archive, and archives of `docker save`.
//!
//! Either may be compressed as a whole. What is in them is trusted no more than what comes from a registry.

mod docker;
mod error;
mod files;
mod layout;
mod save;

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncSeekExt as _;
use windlass_fetch::oci::Blob;
use windlass_fetch::oci::Source;
use windlass_fetch::oci::SourceError;

pub use error::Error;
pub use error::Result;
pub use save::save;
pub use save::save_layout;

use crate::limits::Limits;
use files::Files;

/// An image that an archive holds.
pub struct Found {
    /// What the archive calls it; often nothing, sometimes only a tag.
    pub names: Vec<String>,
    /// To read it from.
    pub source: Box<dyn Source>,
}

/// The images that a directory or a file holds. `scratch` is a directory for a nameless file, which a compressed
/// archive needs.
///
/// # Errors
/// When it is no archive of images, or one of its documents cannot be read.
pub fn open(path: &Path, scratch: &Path, limits: &Limits) -> Result<Vec<Found>> {
    let files = Arc::new(Files::open(path, scratch, limits)?);
    if files.has("index.json") {
        return layout::images(&files);
    }
    if files.has("manifest.json") {
        return docker::images(&files);
    }
    if files.has("repositories") {
        return Err(Error::Old(files.place.clone()));
    }
    Err(Error::Unknown {
        place: files.place.clone(),
    })
}

fn source_error(error: Error) -> SourceError {
    SourceError(Box::new(error))
}

/// Opens a file of an archive at an offset.
async fn blob(files: &Files, name: &str, offset: u64) -> std::result::Result<Blob, SourceError> {
    let (path, start, size) = files.find(name).map_err(source_error)?;
    let failed = |source| source_error(files.failed(name, source));
    let mut file = tokio::fs::File::open(path).await.map_err(failed)?;
    let at = io::SeekFrom::Start(start.saturating_add(offset));
    file.seek(at).await.map_err(failed)?;
    let rest = size.saturating_sub(offset);
    Ok(Box::new(file.take(rest)))
}
