//! OCI layouts.

use std::collections::BTreeMap;
use std::sync::Arc;

use oci_spec::image::Descriptor;
use serde::Deserialize;
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
use crate::config::platform_text;
use crate::digest::Digest;

/// Annotation with an image's whole name.
const NAME: &str = "io.containerd.image.name";

/// Annotation with a name or only a tag, as the tool that wrote it likes.
const REFERENCE: &str = "org.opencontainers.image.ref.name";

/// Indexes in indexes; two are known from the wild.
const NESTING: usize = 4;

/// An index, as far as choosing from it needs.
#[derive(Debug, Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Listed>,
}

/// One line of an index.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    digest: String,
    #[serde(default)]
    platform: Option<Machine>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Clone, Debug, Deserialize)]
struct Machine {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: String,
}

/// The images that a layout names.
pub(super) fn images(files: &Arc<Files>) -> Result<Vec<Found>> {
    let index: Index = files.json("index.json")?;
    let mut images: BTreeMap<String, Found> = BTreeMap::new();
    for listed in index.manifests {
        let annotations = listed.annotations.clone().unwrap_or_default();
        let name = annotations.get(NAME).or_else(|| annotations.get(REFERENCE));
        let image = images.entry(listed.digest.clone()).or_insert_with(|| Found {
            names: Vec::new(),
            source: Box::new(Layout {
                files: Arc::clone(files),
                digest: listed.digest,
            }),
        });
        image.names.extend(name.cloned());
    }
    Ok(images.into_values().collect())
}

/// One image in a layout.
#[derive(Debug)]
struct Layout {
    files: Arc<Files>,
    digest: String,
}

impl Layout {
    fn read(&self, platform: &Platform) -> Result<Manifest> {
        let mut digest: Digest = self.parse(&self.digest)?;
        let mut index = None;
        for _ in 0..NESTING {
            let name = blob(&digest);
            let bytes = self.files.document(&name)?;
            let got = Digest::of(&bytes);
            let wrong = |what: String| Error::Document {
                place: self.files.place.clone(),
                file: name.clone(),
                what,
            };
            if got != digest {
                return Err(wrong(format!(
                    "its content has the digest {got}: it was changed or damaged"
                )));
            }
            let json: serde_json::Value =
                serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
            if json.get("manifests").is_none() {
                let document = serde_json::from_value(json).map_err(|error| wrong(error.to_string()))?;
                return Ok(Manifest {
                    digest: digest.to_string(),
                    index,
                    bytes,
                    document,
                });
            }
            let list: Index = serde_json::from_value(json).map_err(|error| wrong(error.to_string()))?;
            let chosen = choose(&list.manifests, platform).ok_or_else(|| Error::Platform {
                place: self.files.place.clone(),
                wanted: platform_text(platform),
                found: platforms(&list.manifests),
            })?;
            index.get_or_insert_with(|| digest.to_string());
            digest = self.parse(&chosen.digest)?;
        }
        Err(Error::Document {
            place: self.files.place.clone(),
            file: blob(&digest),
            what: format!("more than {NESTING} indexes inside each other"),
        })
    }

    fn parse(&self, digest: &str) -> Result<Digest> {
        digest.parse().map_err(|source| Error::Digest {
            place: self.files.place.clone(),
            source,
        })
    }
}

impl Source for Layout {
    fn place(&self) -> String {
        self.files.place.clone()
    }

    fn manifest<'a>(&'a self, platform: &'a Platform) -> Reading<'a, Manifest> {
        Box::pin(async move { self.read(platform).map_err(source_error) })
    }

    fn blob<'a>(&'a self, descriptor: &'a Descriptor, offset: u64) -> Reading<'a, Blob> {
        Box::pin(async move {
            let digest = self.parse(descriptor.digest().as_ref()).map_err(source_error)?;
            super::blob(&self.files, &blob(&digest), offset).await
        })
    }
}

fn blob(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// The line for a platform: with the same variant, else without one, else the only line of all.
fn choose<'a>(list: &'a [Listed], platform: &Platform) -> Option<&'a Listed> {
    let fits = |listed: &&Listed, variant: &str| {
        listed.platform.as_ref().is_some_and(|machine| {
            machine.os == platform.os
                && machine.architecture == platform.architecture
                && machine.variant == variant
        })
    };
    let same = list.iter().find(|listed| fits(listed, &platform.variant));
    let any = || list.iter().find(|listed| fits(listed, ""));
    // arm64 is v8, whether or not that is said.
    let usual = || list.iter().find(|listed| fits(listed, "v8"));
    let only = || match list {
        [only] if only.platform.is_none() => Some(only),
        _ => None,
    };
    same.or_else(any).or_else(usual).or_else(only)
}

fn platforms(list: &[Listed]) -> String {
    let machines = list.iter().filter_map(|listed| listed.platform.as_ref());
    let names: Vec<String> = machines
        .take(20)
        .map(|machine| {
            platform_text(&Platform {
                os: machine.os.clone(),
                architecture: machine.architecture.clone(),
                variant: machine.variant.clone(),
            })
        })
        .collect();
    if names.is_empty() {
        "none that it names".to_owned()
    } else {
        names.join(", ")
    }
}
