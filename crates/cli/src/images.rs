//! What the commands about images ask for, and get.

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

/// Opens image stores.
pub trait Images: Send + Sync {
    /// Opens the store in a directory, or the user's own; the error is for the user as it is.
    fn open(&self, root: Option<&Path>) -> anyhow::Result<Box<dyn ImageStore>>;
}

/// Told what happens while an image comes in. Called often, and from several threads.
pub type Watch<'a> = &'a (dyn Fn(Event) + Send + Sync);

/// An image store. Names are completed as in a pipeline: `busybox` is `docker.io/library/busybox:latest`.
pub trait ImageStore: Send + Sync {
    /// Brings an image from its registry, for a platform or for this machine.
    fn pull(&self, name: &str, platform: Option<&str>, watch: Watch<'_>) -> anyhow::Result<Image>;

    /// Brings the images of an OCI layout or an archive, for a platform or for this machine. `name` is for an image
    /// that the archive does not name.
    fn load(
        &self,
        from: &Path,
        name: Option<&str>,
        platform: Option<&str>,
        watch: Watch<'_>,
    ) -> anyhow::Result<Vec<Image>>;

    /// Writes images.
    fn save(&self, names: &[String], to: &Target) -> anyhow::Result<()>;

    /// Every image, sorted by name.
    fn list(&self) -> anyhow::Result<Vec<Image>>;

    /// The images of one name, one for each platform; none when the name is unknown.
    fn find(&self, name: &str) -> anyhow::Result<Vec<Image>>;

    /// Removes images, and what only they need.
    fn remove(&self, names: &[String]) -> anyhow::Result<Removed>;

    /// Removes what is not needed.
    fn prune(&self, what: &Prune) -> anyhow::Result<Removed>;
}

/// Where images are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Standard output, as one archive.
    Stdout,
    /// A file, as one archive.
    File(PathBuf),
    /// A directory, as an OCI layout.
    Directory(PathBuf),
}

/// Something happened to an image on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It has so many layers, of so many bytes.
    Begun {
        /// Layers.
        layers: usize,
        /// Bytes of all of them.
        bytes: u64,
    },
    /// So many bytes came, or were here already.
    Bytes(u64),
    /// A layer is ready.
    Layer,
}

/// An image in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its whole name.
    pub name: String,
    /// The machine it is made for: `linux/amd64`.
    pub platform: String,
    /// Digest of its manifest.
    pub digest: String,
    /// When it was built, as it says itself.
    pub created: String,
    /// When it was last used, in seconds since 1970.
    pub used: u64,
    /// Its layers, lowest first.
    pub layers: Vec<Layer>,
    /// How it is to be run, in the words of its configuration.
    pub config: Value,
}

/// A layer of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Digest of the blob.
    pub digest: String,
    /// Bytes as transferred.
    pub size: u64,
    /// Bytes as unpacked.
    pub unpacked: u64,
}

/// What goes, besides what no image needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prune {
    /// All images that no running step uses.
    pub all: bool,
    /// Images that were not used for so long.
    pub unused_for: Option<Duration>,
    /// The least recently used images, until the rest takes at most so many bytes.
    pub keep: Option<u64>,
}

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Name, platform and digest of each image.
    pub images: Vec<(String, String, String)>,
    /// Unpacked layers.
    pub layers: u64,
    /// Transferred files.
    pub blobs: u64,
    /// Remains of pulls that did not end.
    pub partial: u64,
    /// Bytes of the disk that this gave back.
    pub bytes: u64,
}
