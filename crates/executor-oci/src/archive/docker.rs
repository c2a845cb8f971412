//! Archives of `docker save`, and of everybody who writes the same.

use std::collections::BTreeMap;
use std::io;
use std::io::Read as _;
use std::sync::Arc;

use oci_spec::image::Descriptor;
use serde::Deserialize;
use serde_json::json;
use sha2::Digest as _;
use sha2::Sha256;
use windlass_fetch::oci::Blob;
use windlass_fetch::oci::Manifest;
use windlass_fetch::oci::Platform;
use windlass_fetch::oci::Reading;
use windlass_fetch::oci::Source;

use super::Found;
use super::error::Error;
use super::error::Result;
use super::files::Files;
use super::source_error;
use crate::config::Document;
use crate::digest::Digest;
use crate::store::Hashing;

/// One image of `manifest.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    config: String,
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Vec<String>,
}

/// The images of an archive. They have no manifest in the sense of a registry, so one is made: from the same archive
/// always the same.
pub(super) fn images(files: &Arc<Files>) -> Result<Vec<Found>> {
    let list: Vec<Listed> = files.json("manifest.json")?;
    let images = list.into_iter().map(|listed| {
        Ok(Found {
            names: listed.repo_tags.clone().unwrap_or_default(),
            source: Box::new(Saved::new(files, &listed)?),
        })
    });
    images.collect()
}

/// One image of an archive.
#[derive(Debug)]
struct Saved {
    files: Arc<Files>,
    manifest: Manifest,
    /// Where each blob lies.
    blobs: BTreeMap<String, String>,
}

impl Saved {
    fn new(files: &Arc<Files>, listed: &Listed) -> Result<Self> {
        let config = files.document(&listed.config)?;
        let document: Document = serde_json::from_slice(&config).map_err(|error| Error::Document {
            place: files.place.clone(),
            file: listed.config.clone(),
            what: error.to_string(),
        })?;
        let config_digest = Digest::of(&config).to_string();
        let mut blobs = BTreeMap::from([(config_digest.clone(), listed.config.clone())]);
        let mut layers = Vec::with_capacity(listed.layers.len());
        for (index, name) in listed.layers.iter().enumerate() {
            let (_, _, size) = files.find(name)?;
            let digest = match document.rootfs.diff_ids.get(index) {
                Some(diff_id) if is_plain(files, name)? => *diff_id,
                _ => hash(files, name)?,
            };
            blobs.insert(digest.to_string(), name.clone());
            layers.push(json!({
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": digest.to_string(),
                "size": size,
            }));
        }
        let document = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": config_digest,
                "size": config.len(),
            },
            "layers": layers,
        });
        let bytes = document.to_string().into_bytes();
        let document = serde_json::from_value(document).map_err(|error| Error::Document {
            place: files.place.clone(),
            file: "manifest.json".to_owned(),
            what: error.to_string(),
        })?;
        let manifest = Manifest {
            digest: Digest::of(&bytes).to_string(),
            index: None,
            bytes,
            document,
        };
        Ok(Self {
            files: Arc::clone(files),
            manifest,
            blobs,
        })
    }
}

impl Source for Saved {
    fn place(&self) -> String {
        self.files.place.clone()
    }

    fn manifest<'a>(&'a self, _: &'a Platform) -> Reading<'a, Manifest> {
        Box::pin(async move { Ok(self.manifest.clone()) })
    }

    fn blob<'a>(&'a self, descriptor: &'a Descriptor, offset: u64) -> Reading<'a, Blob> {
        Box::pin(async move {
            let digest = descriptor.digest().to_string();
            let name = self.blobs.get(&digest).ok_or_else(|| {
                source_error(Error::Missing {
                    place: self.files.place.clone(),
                    file: digest,
                })
            })?;
            super::blob(&self.files, name, offset).await
        })
    }
}

/// Whether a layer is in the form that its diff id names. Some tools put compressed ones here.
fn is_plain(files: &Files, name: &str) -> Result<bool> {
    let mut head = Vec::new();
    let read = files.read(name)?.take(4).read_to_end(&mut head);
    read.map_err(|source| files.failed(name, source))?;
    Ok(!matches!(
        head.as_slice(),
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd]
    ))
}

fn hash(files: &Files, name: &str) -> Result<Digest> {
    let mut hasher = Sha256::new();
    let copied = io::copy(&mut files.read(name)?, &mut Hashing(&mut hasher));
    copied.map_err(|source| files.failed(name, source))?;
    Ok(Digest::finish(hasher))
}
