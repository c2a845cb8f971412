//! What a name stands for.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use serde::Deserialize;
use serde::Serialize;
use windlass_fetch::oci::Platform;

use super::Store;
use super::error::Result;
use super::error::call;
use super::lock;
use super::lock::Mode;
use crate::config::Config;
use crate::config::platform_text;
use crate::digest::Digest;

/// An image that is in the store, whole, and stays there as long as this value lives.
#[derive(Clone, Debug)]
pub struct Image {
    /// The name it was asked for by.
    pub name: String,
    /// Digest of its manifest: what a run records as the image's id.
    pub digest: Digest,
    /// How it is to be run.
    pub config: Config,
    /// The unpacked layers, lowest first; never empty. An overlay's `lowerdir` wants them in the other order.
    pub layers: Vec<PathBuf>,
    /// Keeps the layers from being removed.
    pub lease: Lease,
}

/// Keeps the content of one image in the store, until the last clone is dropped or the process ends.
#[derive(Clone, Debug)]
pub struct Lease(#[expect(dead_code, reason = "held for its lock")] pub(super) Arc<File>);

/// One layer of an image, in all its names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Layer {
    /// Digest of the blob.
    pub digest: Digest,
    /// Size of the blob, in bytes.
    pub size: u64,
    /// Digest of the uncompressed archive.
    pub diff_id: Digest,
    /// Name of the unpacked layer: it with all below it.
    pub chain: Digest,
    /// Size of the uncompressed archive, in bytes.
    pub bytes: u64,
}

/// What a name stands for, for one platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The name, as it was given.
    pub name: String,
    /// `os/architecture[/variant]` it was asked for.
    pub platform: String,
    /// Digest of the manifest.
    pub manifest: Digest,
    /// Digest of the index that the manifest was chosen from.
    pub index: Option<String>,
    /// Digest of the configuration document.
    pub config_digest: Digest,
    /// How it is to be run.
    pub config: Config,
    /// When it was built, as it says itself.
    pub created: String,
    /// Layers, lowest first.
    pub layers: Vec<Layer>,
    /// When it last changed here, in seconds since 1970.
    pub updated: u64,
    /// When it was last used, in seconds since 1970. Not in the file: the file's own time says it.
    #[serde(skip)]
    pub used: u64,
}

impl Record {
    /// Everything in `blobs` that the image consists of.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = Digest> + '_ {
        let layers = self.layers.iter().map(|layer| layer.digest);
        [self.manifest, self.config_digest].into_iter().chain(layers)
    }

    /// Whether it is what was asked for on this platform.
    pub fn is_for(&self, platform: &Platform) -> bool {
        self.platform == platform_text(platform)
    }

    /// Bytes of the image as transferred and as unpacked.
    pub fn sizes(&self) -> (u64, u64) {
        let sum = |size: fn(&Layer) -> u64| self.layers.iter().map(size).sum();
        (sum(|layer| layer.size), sum(|layer| layer.bytes))
    }
}

/// Seconds since 1970.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map(|since| since.as_secs())
        .unwrap_or_default()
}

impl Store {
    /// The image that a name stands for, without asking anybody: `None` when it is not here, or not whole.
    ///
    /// Quick: a few files are opened and none is read but one. Waits only while things are being removed.
    pub fn find(&self, name: &str, platform: &Platform) -> Result<Option<Image>> {
        let _held = self.enter_blocking()?;
        let path = self.record_path(name, &platform_text(platform));
        let Some(record) = read_record(&path)? else {
            return Ok(None);
        };
        self.image(&path, record)
    }

    /// Opens a recorded image. The caller is inside the store.
    pub(crate) fn image(&self, path: &std::path::Path, record: Record) -> Result<Option<Image>> {
        let layers: Vec<PathBuf> = record
            .layers
            .iter()
            .map(|layer| self.layer_directory(&layer.chain))
            .collect();
        if !layers.iter().all(|layer| layer.is_dir()) {
            tracing::warn!(image = record.name, "layers are missing in the store");
            return Ok(None);
        }
        let lease = self.lease(&record)?;
        // What was used long ago is removed first; an image that cannot be marked is only removed earlier.
        if let Ok(file) = File::open(path) {
            let _ = file.set_modified(SystemTime::now());
        }
        Ok(Some(Image {
            name: record.name,
            digest: record.manifest,
            config: record.config,
            layers,
            lease,
        }))
    }

    /// Everything known about an image; `None` when it is not here.
    pub fn record(&self, name: &str, platform: &str) -> Result<Option<Record>> {
        let _held = self.enter_blocking()?;
        read_record(&self.record_path(name, platform))
    }

    /// Every image, sorted by name and platform. Records that cannot be read are left out; [`Store::check`] names them.
    pub fn list(&self) -> Result<Vec<Record>> {
        let _held = self.enter_blocking()?;
        self.records()
    }

    pub(crate) fn records(&self) -> Result<Vec<Record>> {
        let directory = self.layout().part("images");
        let mut records = Vec::new();
        for entry in fs::read_dir(&directory).map_err(call("list", &directory))? {
            let entry = entry.map_err(call("list", &directory))?;
            records.extend(read_record(&entry.path()).unwrap_or_default());
        }
        records.sort_by(|a, b| (&a.name, &a.platform).cmp(&(&b.name, &b.platform)));
        Ok(records)
    }

    pub(crate) fn record_path(&self, name: &str, platform: &str) -> PathBuf {
        let key = Digest::of(format!("{name}\0{platform}").as_bytes());
        self.layout().part("images").join(key.hex())
    }

    pub(crate) fn write_record(&self, record: &Record) -> Result<PathBuf> {
        let path = self.record_path(&record.name, &record.platform);
        let text = serde_json::to_vec(record).unwrap_or_default();
        self.layout().replace(&path, &text)?;
        Ok(path)
    }

    /// Holds an image's content. All holders of this process share one descriptor.
    fn lease(&self, record: &Record) -> Result<Lease> {
        let mut leases = self.leases();
        if let Some(held) = leases.get(&record.manifest).and_then(std::sync::Weak::upgrade) {
            return Ok(Lease(held));
        }
        let path = self.layout().part("leases").join(record.manifest.hex());
        // Only who removes things takes it alone, and such a one is not here while we are.
        let file = lock::try_lock(&path, Mode::Shared)?.ok_or(super::Error::Busy)?;
        // What it holds must be known even when the image's name is gone.
        let text = serde_json::to_vec(record).unwrap_or_default();
        if file.metadata().map_or(0, |metadata| metadata.len()) != text.len() as u64 {
            file.set_len(0).map_err(call("write", &path))?;
            file.write_all_at(&text, 0).map_err(call("write", &path))?;
        }
        let held = Arc::new(file);
        leases.retain(|_, lease| lease.strong_count() > 0);
        leases.insert(record.manifest, Arc::downgrade(&held));
        Ok(Lease(held))
    }
}

/// Reads what a name stands for; `None` when there is no such file.
pub(crate) fn read_record(path: &std::path::Path) -> Result<Option<Record>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(call("open", path)(error)),
    };
    let mut text = Vec::new();
    file.read_to_end(&mut text).map_err(call("read", path))?;
    let mut record: Record = serde_json::from_slice(&text).map_err(|error| super::Error::Damaged {
        path: path.to_owned(),
        what: error.to_string(),
    })?;
    let modified = file.metadata().and_then(|metadata| metadata.modified());
    record.used = modified.map(seconds).unwrap_or_default();
    Ok(Some(record))
}
