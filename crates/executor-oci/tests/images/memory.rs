//! An image in memory, which may lie about anything.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use oci_spec::image::Descriptor;
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use windlass_executor_oci::Digest;
use windlass_fetch::oci::Blob;
use windlass_fetch::oci::Manifest;
use windlass_fetch::oci::Platform;
use windlass_fetch::oci::Reading;
use windlass_fetch::oci::Source;
use windlass_fetch::oci::SourceError;

/// The platform of all test images.
pub(crate) fn platform() -> Platform {
    Platform {
        os: "linux".to_owned(),
        architecture: "amd64".to_owned(),
        variant: String::new(),
    }
}

/// An image and what there is to know about how it is read.
pub(crate) struct Memory {
    pub(crate) manifest: serde_json::Value,
    pub(crate) blobs: BTreeMap<String, Vec<u8>>,
    /// Bytes after which a connection breaks; 0 means never.
    pub(crate) breaks_after: usize,
    /// Bytes of blobs that were asked for.
    pub(crate) sent: AtomicU64,
}

impl Memory {
    /// An honest image of plain layers.
    pub(crate) fn new(layers: &[Vec<u8>]) -> Self {
        let pairs: Vec<_> = layers
            .iter()
            .map(|layer| (layer.clone(), layer.clone()))
            .collect();
        Self::packed(&pairs)
    }

    /// An honest image of layers as archives and as transferred.
    pub(crate) fn packed(layers: &[(Vec<u8>, Vec<u8>)]) -> Self {
        let diff_ids: Vec<String> = layers
            .iter()
            .map(|(plain, _)| Digest::of(plain).to_string())
            .collect();
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "config": {"Entrypoint": ["/bin/sh", "-c"], "Cmd": null, "Env": ["PATH=/bin"], "User": "1000:1000", "WorkingDir": "/srv"},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        let mut image = Self {
            manifest: serde_json::Value::Null,
            blobs: BTreeMap::new(),
            breaks_after: 0,
            sent: AtomicU64::new(0),
        };
        let config = config.to_string().into_bytes();
        let config = image.add("application/vnd.oci.image.config.v1+json", config);
        let layers: Vec<_> = layers
            .iter()
            .map(|(_, packed)| image.add("application/vnd.oci.image.layer.v1.tar+gzip", packed.clone()))
            .collect();
        image.manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config,
            "layers": layers,
        });
        image
    }

    pub(crate) fn add(&mut self, kind: &str, bytes: Vec<u8>) -> serde_json::Value {
        let digest = Digest::of(&bytes).to_string();
        let descriptor = json!({"mediaType": kind, "digest": digest, "size": bytes.len()});
        self.blobs.insert(digest, bytes);
        descriptor
    }

    /// Changes the content of a layer's blob and nothing else.
    pub(crate) fn tamper(mut self, layer: usize, change: impl FnOnce(&mut Vec<u8>)) -> Self {
        let digest = self.manifest["layers"][layer]["digest"]
            .as_str()
            .expect("a digest");
        change(self.blobs.get_mut(digest).expect("a blob"));
        self
    }

    /// Changes the manifest.
    pub(crate) fn lie(mut self, change: impl FnOnce(&mut serde_json::Value)) -> Self {
        change(&mut self.manifest);
        self
    }

    /// Changes the configuration, and what names it.
    pub(crate) fn configured(mut self, change: impl FnOnce(&mut serde_json::Value)) -> Self {
        let digest = self.manifest["config"]["digest"].as_str().expect("a digest");
        let mut config = serde_json::from_slice(&self.blobs[digest]).expect("JSON");
        change(&mut config);
        let kind = self.manifest["config"]["mediaType"]
            .as_str()
            .expect("a type")
            .to_owned();
        self.manifest["config"] = self.add(&kind, config.to_string().into_bytes());
        self
    }
}

impl Source for Memory {
    fn place(&self) -> String {
        "test.example/image:1".to_owned()
    }

    fn manifest<'a>(&'a self, _: &'a Platform) -> Reading<'a, Manifest> {
        let bytes = self.manifest.to_string().into_bytes();
        Box::pin(async move {
            let document = serde_json::from_slice(&bytes).map_err(|error| SourceError(error.into()))?;
            Ok(Manifest {
                digest: Digest::of(&bytes).to_string(),
                index: None,
                bytes,
                document,
            })
        })
    }

    fn blob<'a>(&'a self, descriptor: &'a Descriptor, offset: u64) -> Reading<'a, Blob> {
        Box::pin(async move {
            let bytes = self.blobs.get(descriptor.digest().as_ref());
            let bytes = bytes.ok_or_else(|| SourceError("404 Not Found".into()))?;
            let rest = bytes
                .get(usize::try_from(offset).expect("small")..)
                .unwrap_or_default();
            self.sent.fetch_add(rest.len() as u64, Ordering::Relaxed);
            if self.breaks_after > 0 && rest.len() > self.breaks_after {
                let part = std::io::Cursor::new(rest[..self.breaks_after].to_vec());
                let failure = Reset;
                return Ok(Box::new(part.chain(failure)) as Blob);
            }
            Ok(Box::new(std::io::Cursor::new(rest.to_vec())) as Blob)
        })
    }
}

/// A connection that was reset.
struct Reset;

impl tokio::io::AsyncRead for Reset {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Err(std::io::ErrorKind::ConnectionReset.into()))
    }
}
