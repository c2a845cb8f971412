//! What an image says about how it is to be run.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use windlass_fetch::oci::Platform;

use crate::digest::Digest;

/// The part of an image's configuration that decides what runs, and how. Empty where the image says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Config {
    /// First words of the command line.
    #[serde(deserialize_with = "or_default")]
    pub entrypoint: Vec<String>,
    /// Words after the entry point, unless others are given.
    #[serde(deserialize_with = "or_default")]
    pub cmd: Vec<String>,
    /// `NAME=value`, in the image's order.
    #[serde(deserialize_with = "or_default")]
    pub env: Vec<String>,
    /// `user`, `uid`, `user:group` or `uid:gid`; empty is root.
    #[serde(deserialize_with = "or_default")]
    pub user: String,
    /// Directory to start in; empty is `/`.
    #[serde(deserialize_with = "or_default")]
    pub working_dir: String,
    /// Signal that asks the process to end, as name or number; empty is `SIGTERM`.
    #[serde(deserialize_with = "or_default")]
    pub stop_signal: String,
    /// Labels.
    #[serde(deserialize_with = "or_default")]
    pub labels: BTreeMap<String, String>,
}

/// An image's configuration document, as far as it matters here.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Document {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) architecture: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) os: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) variant: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) created: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) config: Config,
    pub(crate) rootfs: RootFs,
}

/// The layers, by the digests of their uncompressed forms.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RootFs {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) diff_ids: Vec<Digest>,
}

/// Images of many tools write `null` for what they do not say.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

impl Document {
    /// The machine that the image is made for, where it says so.
    pub(crate) fn platform(&self) -> Platform {
        Platform {
            os: self.os.clone(),
            architecture: self.architecture.clone(),
            variant: self.variant.clone(),
        }
    }
}

/// `os/architecture`, and `/variant` if there is one.
pub(crate) fn platform_text(platform: &Platform) -> String {
    let mut text = format!("{}/{}", platform.os, platform.architecture);
    if !platform.variant.is_empty() {
        text.push('/');
        text.push_str(&platform.variant);
    }
    text
}
