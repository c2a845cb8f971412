//! What is to be brought in, decided from the image's documents alone.

use oci_spec::image::Descriptor;
use windlass_fetch::oci::Manifest;
use windlass_fetch::oci::Platform;

use super::error::Mismatch;
use crate::config::Document;
use crate::config::platform_text;
use crate::digest::Digest;
use crate::limits::Limits;

/// A blob with the digest it is to have.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) descriptor: Descriptor,
}

/// One layer, in the order in which they are stacked.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) blob: Wanted,
    pub(super) diff_id: Digest,
    pub(super) chain: Digest,
    pub(super) below: Option<Digest>,
}

/// The configuration that a manifest announces.
pub(super) fn config(manifest: &Manifest, limits: &Limits) -> Result<Wanted, Mismatch> {
    let wanted = wanted(manifest.document.config())?;
    let kind = wanted.descriptor.media_type().to_string();
    // Registries of long ago sent no type, or a general one.
    let is_image = kind.contains(".container.image.") || kind.contains(".oci.image.config.");
    if !is_image
        && !matches!(
            kind.as_str(),
            "" | "application/json" | "application/octet-stream"
        )
    {
        return Err(Mismatch::Kind(kind.chars().take(100).collect()));
    }
    if wanted.size > limits.config {
        return Err(Mismatch::ConfigSize {
            got: wanted.size,
            most: limits.config,
        });
    }
    Ok(wanted)
}

/// The layers of an image, with the names that their content must have.
pub(super) fn steps(
    manifest: &Manifest,
    document: &Document,
    platform: &Platform,
    limits: &Limits,
) -> Result<Vec<Step>, Mismatch> {
    let (layers, diff_ids) = (manifest.document.layers(), &document.rootfs.diff_ids);
    check_platform(document, platform)?;
    if layers.len() != diff_ids.len() {
        return Err(Mismatch::LayerCount {
            manifest: layers.len(),
            config: diff_ids.len(),
        });
    }
    if layers.is_empty() || layers.len() > limits.layers {
        return Err(Mismatch::Layers {
            got: layers.len(),
            most: limits.layers,
        });
    }
    let mut below = None;
    let steps = layers.iter().zip(diff_ids).map(|(layer, diff_id)| {
        let chain = Digest::chain(below, *diff_id);
        let step = Step {
            blob: wanted(layer)?,
            diff_id: *diff_id,
            chain,
            below,
        };
        below = Some(chain);
        Ok(step)
    });
    steps.collect()
}

/// An image that says nothing about its machine is believed.
fn check_platform(document: &Document, wanted: &Platform) -> Result<(), Mismatch> {
    let got = document.platform();
    let same = |got: &str, wanted: &str| got.is_empty() || got == wanted;
    if same(&got.os, &wanted.os) && same(&got.architecture, &wanted.architecture) {
        return Ok(());
    }
    Err(Mismatch::Platform {
        got: platform_text(&got),
        wanted: platform_text(wanted),
    })
}

fn wanted(descriptor: &Descriptor) -> Result<Wanted, Mismatch> {
    Ok(Wanted {
        digest: descriptor.digest().as_ref().parse()?,
        size: descriptor.size(),
        descriptor: descriptor.clone(),
    })
}
