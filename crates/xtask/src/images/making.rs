//! The cache of images: made once for each recipe.

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::Result;
use serde_json::Value;
use serde_json::json;

use super::catalogue::IMAGES;
use super::catalogue::Image;
use super::catalogue::LAYERS;
use super::catalogue::Layer;
use super::oci;
use super::oci::Packed;
use super::push;
use super::trees;

/// What the images are made by; if it changes, they are made again.
const RECIPE: &[&str] = &[
    include_str!("catalogue.rs"),
    include_str!("oci.rs"),
    include_str!("packages.rs"),
    include_str!("trees.rs"),
];

/// A folder below `target` that keeps packages, and the storage of the registry.
pub(crate) struct Cache {
    folder: PathBuf,
    /// Held until the images are there.
    _lock: File,
}

/// Digest of the manifest, by `repository:tag`.
pub(crate) type Digests = BTreeMap<String, String>;

impl Cache {
    /// Opens the cache, waiting while another process makes the images.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        let path = folder.join("lock");
        let lock = File::create(&path).with_context(|| format!("create {}", path.display()))?;
        lock.lock().with_context(|| format!("lock {}", path.display()))?;
        Ok(Self {
            folder: folder.to_path_buf(),
            _lock: lock,
        })
    }

    /// Where the registry keeps what was pushed.
    pub(crate) fn storage(&self) -> PathBuf {
        self.folder.join("registry")
    }

    /// The images, if they were made by this recipe.
    pub(crate) fn made(&self) -> Option<Digests> {
        let text = fs::read_to_string(self.folder.join("images.json")).ok()?;
        let made: Value = serde_json::from_str(&text).ok()?;
        if made.get("recipe")?.as_str()? != recipe() {
            return None;
        }
        let digests = made.get("images")?.as_object()?.iter();
        digests
            .map(|(name, digest)| Some((name.clone(), digest.as_str()?.to_owned())))
            .collect()
    }

    /// Forgets the images of another recipe; packages stay.
    pub(crate) fn clear(&self) -> Result<()> {
        for folder in [self.storage(), self.work()] {
            if folder.exists() {
                fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;
            }
        }
        Ok(())
    }

    fn work(&self) -> PathBuf {
        self.folder.join("work")
    }

    /// Makes every image and pushes it.
    pub(crate) fn fill(&self, registry: SocketAddr) -> Result<Digests> {
        println!("making the test images from the distribution's packages");
        let packages = self.folder.join("packages");
        trees::provide(&packages, LAYERS)?;
        let work = self.work();
        let mut layers = BTreeMap::new();
        for layer in LAYERS {
            let tree = work.join(format!("{layer:?}").to_lowercase());
            trees::make(*layer, &packages, &tree).with_context(|| format!("make the layer {layer:?}"))?;
            let packed = oci::pack(&tree, &tree).with_context(|| format!("pack the layer {layer:?}"))?;
            layers.insert(*layer, packed);
        }
        let mut digests = Digests::new();
        for image in IMAGES {
            push_image(registry, image, &layers, &mut digests)?;
        }
        fs::remove_dir_all(&work).with_context(|| format!("remove {}", work.display()))?;
        let path = self.folder.join("images.json");
        let text = json!({"recipe": recipe(), "images": digests}).to_string();
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        Ok(digests)
    }
}

fn push_image(
    registry: SocketAddr,
    image: &Image,
    layers: &BTreeMap<Layer, Packed>,
    digests: &mut Digests,
) -> Result<()> {
    let layers: Vec<&Packed> = image
        .layers
        .iter()
        .filter_map(|layer| layers.get(layer))
        .collect();
    let (config, manifest) = oci::describe(image, &layers);
    for name in image.names {
        let (repository, tag) = name
            .split_once(':')
            .with_context(|| format!("{name} has no tag"))?;
        for layer in &layers {
            push::blob(registry, repository, &layer.archive, &layer.digest)?;
        }
        push::bytes(registry, repository, config.as_bytes())?;
        push::manifest(registry, repository, tag, &manifest)?;
        digests.insert((*name).to_owned(), oci::digest(manifest.as_bytes()));
    }
    Ok(())
}

fn recipe() -> String {
    oci::digest(RECIPE.concat().as_bytes())
}
