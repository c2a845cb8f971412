//! Layers, configurations and manifests as the OCI image specification wants them.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use anyhow::Result;
use serde_json::Value;
use serde_json::json;
use sha2::Digest as _;
use sha2::Sha256;

use super::catalogue::Image;
use super::packages::said;

/// Media type of a manifest.
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Packing the largest layer takes seconds.
const PACK: Duration = Duration::from_mins(1);

/// A layer, packed.
pub(crate) struct Packed {
    /// The compressed archive.
    pub(crate) archive: PathBuf,
    /// Its digest.
    pub(crate) digest: String,
    size: u64,
    /// Digest of the archive before it was compressed.
    diff: String,
}

/// Packs a tree as a layer, owned by root, into files whose names begin with `archive`.
pub(crate) fn pack(tree: &Path, archive: &Path) -> Result<Packed> {
    let plain = archive.with_extension("tar");
    let mut tar = Command::new("tar");
    tar.args([
        "--create",
        "--sort=name",
        "--mtime=@0",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
    ])
    .arg("--file")
    .arg(&plain)
    .arg("--directory")
    .arg(tree)
    .arg(".");
    said("tar", &mut tar, PACK)?;
    let diff = digest_of_file(&plain)?;
    let mut gzip = Command::new("gzip");
    gzip.args(["-1", "--no-name", "--force"]).arg(&plain);
    said("gzip", &mut gzip, PACK)?;
    let archive = archive.with_extension("tar.gz");
    let size = fs::metadata(&archive)
        .with_context(|| format!("look at {}", archive.display()))?
        .len();
    Ok(Packed {
        digest: digest_of_file(&archive)?,
        archive,
        size,
        diff,
    })
}

/// Writes the configuration and the manifest of an image made of these layers.
pub(crate) fn describe(image: &Image, layers: &[&Packed]) -> (String, String) {
    let environment: Vec<&str> = [PATH].iter().chain(image.environment).copied().collect();
    let mut config = json!({"Env": environment});
    for (key, words) in [("Entrypoint", image.entrypoint), ("Cmd", image.command)] {
        if !words.is_empty() {
            config[key] = json!(words);
        }
    }
    for (key, word) in [("User", image.user), ("WorkingDir", image.directory)] {
        if !word.is_empty() {
            config[key] = json!(word);
        }
    }
    let diffs: Vec<&str> = layers.iter().map(|layer| layer.diff.as_str()).collect();
    let config = json!({
        "architecture": architecture(),
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": diffs},
    })
    .to_string();
    let layers: Vec<Value> = layers
        .iter()
        .map(|layer| json!({"mediaType": LAYER, "digest": layer.digest, "size": layer.size}))
        .collect();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": digest(config.as_bytes()), "size": config.len()},
        "layers": layers,
    })
    .to_string();
    (config, manifest)
}

/// This machine's architecture in the words of the specification.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// `sha256:` and the hash in hexadecimal digits.
pub(crate) fn digest(bytes: &[u8]) -> String {
    written(&Sha256::digest(bytes))
}

fn digest_of_file(path: &Path) -> Result<String> {
    let mut file = fs::File::open(path).with_context(|| format!("open {}", path.display()))?;
    let mut hash = Hash(Sha256::new());
    io::copy(&mut file, &mut hash).with_context(|| format!("read {}", path.display()))?;
    Ok(written(&hash.0.finalize()))
}

struct Hash(Sha256);

impl io::Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn written(hash: &[u8]) -> String {
    hash.iter().fold("sha256:".to_owned(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
