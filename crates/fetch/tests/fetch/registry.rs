//! Registries: one that does what a test says, and Debian's.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Write;
use std::net::TcpStream;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;

use serde_json::Value;
use serde_json::json;
use sha2::Digest as _;
use tempfile::TempDir;
use windlass_fetch::Policy;
use windlass_fetch::oci::Client;
use windlass_fetch::oci::Image;
use windlass_fetch::oci::Keyring;
use windlass_fetch::oci::Patience;
use windlass_fetch::oci::Platform;
use windlass_fetch::oci::Registries;

use crate::server::Seen;
use crate::server::Server;
use crate::server::reply;

pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

pub(crate) fn digest(bytes: &[u8]) -> String {
    let hash = sha2::Sha256::digest(bytes);
    hash.iter().fold("sha256:".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(crate) fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": digest(bytes), "size": bytes.len()})
}

/// An image made by hand: one layer that holds one file, and a configuration.
pub(crate) struct Made {
    pub(crate) layer: Vec<u8>,
    pub(crate) config: Vec<u8>,
    pub(crate) manifest: Vec<u8>,
}

impl Made {
    pub(crate) fn of_text(text: &str) -> Self {
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, "file", text.as_bytes()).unwrap();
        let layer = archive.into_inner().unwrap();
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]},
        })
        .to_string()
        .into_bytes();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(OCI_CONFIG, &config),
            "layers": [descriptor(OCI_LAYER, &layer)],
        });
        Self {
            layer,
            config,
            manifest: manifest.to_string().into_bytes(),
        }
    }
}

/// An index of manifests by platform: `linux/arm/v7`.
pub(crate) fn index(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let entry = |(platform, bytes): &(&str, &[u8])| {
        let words: Vec<&str> = platform.split('/').collect();
        let mut entry = descriptor(OCI_MANIFEST, bytes);
        entry["platform"] = json!({"os": words[0], "architecture": words[1]});
        if let Some(variant) = words.get(2) {
            entry["platform"]["variant"] = json!(variant);
        }
        entry
    };
    let manifests: Vec<Value> = entries.iter().map(entry).collect();
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests});
    index.to_string().into_bytes()
}

/// What a scripted registry holds, by path below `/v2/`.
#[derive(Clone, Default)]
pub(crate) struct Shelf(BTreeMap<String, (String, Vec<u8>)>);

impl Shelf {
    /// Puts a manifest under a tag and under its digest.
    pub(crate) fn manifest(mut self, repository: &str, tag: &str, media_type: &str, bytes: &[u8]) -> Self {
        for name in [tag, &digest(bytes)] {
            let path = format!("{repository}/manifests/{name}");
            self.0.insert(path, (media_type.to_owned(), bytes.to_vec()));
        }
        self
    }

    pub(crate) fn blob(mut self, repository: &str, bytes: &[u8]) -> Self {
        let path = format!("{repository}/blobs/{}", digest(bytes));
        self.0
            .insert(path, ("application/octet-stream".to_owned(), bytes.to_vec()));
        self
    }

    pub(crate) fn image(self, repository: &str, tag: &str, made: &Made) -> Self {
        self.manifest(repository, tag, OCI_MANIFEST, &made.manifest)
            .blob(repository, &made.config)
            .blob(repository, &made.layer)
    }

    /// Answers as a good registry does.
    pub(crate) fn answer(&self, request: &Seen, stream: &mut TcpStream) {
        let path = request.target.split('?').next().unwrap_or_default();
        let found = path.strip_prefix("/v2/").and_then(|path| self.0.get(path));
        let Some((media_type, bytes)) = found else {
            let body = br#"{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "no"}]}"#;
            return reply(stream, "404 Not Found", &[], body);
        };
        let kind = format!("Content-Type: {media_type}");
        let start = request.header("range").and_then(|range| {
            range
                .strip_prefix("bytes=")?
                .strip_suffix('-')?
                .parse::<usize>()
                .ok()
        });
        match start {
            Some(start) if start >= bytes.len() => reply(stream, "416 Range Not Satisfiable", &[], b""),
            Some(start) => {
                let range = format!("Content-Range: bytes {start}-{}/{}", bytes.len() - 1, bytes.len());
                reply(stream, "206 Partial Content", &[&kind, &range], &bytes[start..]);
            }
            None => {
                let claimed = format!("Docker-Content-Digest: {}", digest(bytes));
                reply(stream, "200 OK", &[&kind, &claimed], bytes);
            }
        }
    }

    pub(crate) fn serve(self) -> Server {
        Server::start(move |request, stream| self.answer(request, stream))
    }
}

/// Waits that a test does not notice.
pub(crate) fn hasty() -> Patience {
    let moment = std::time::Duration::from_millis(1);
    Patience {
        pause: moment,
        longest_pause: moment,
        ..Patience::default()
    }
}

pub(crate) fn client(registries: Registries) -> Client {
    Client::with_patience(Policy::trusting(), registries, hasty()).unwrap()
}

/// An image at a server: `team/app:1`.
pub(crate) fn image_at(server: &Server, name: &str, keyring: Keyring) -> Image {
    let reference = format!("{}/{name}", server.address).parse().unwrap();
    client(Registries::default()).image(reference, Arc::new(keyring))
}

pub(crate) fn amd64() -> Platform {
    Platform {
        os: "linux".to_owned(),
        architecture: "amd64".to_owned(),
        variant: String::new(),
    }
}

/// Debian's registry on a free port of the loopback interface, with what it keeps in a directory of its own.
pub(crate) struct Real {
    child: Child,
    pub(crate) port: u16,
    pub(crate) root: TempDir,
}

impl Real {
    /// Starts it with further settings; none where it is not installed.
    pub(crate) fn start(settings: impl FnOnce(&TempDir) -> Vec<(&'static str, String)>) -> Option<Self> {
        let root = TempDir::new().unwrap();
        let config = root.path().join("config.yml");
        let text = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}/data}}}}\nhttp: {{addr: \"127.0.0.1:0\"}}\n",
            root.path().display()
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config).envs(settings(&root));
        let spawned = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut child) = spawned else {
            assert!(
                std::env::var_os("CI").is_none(),
                "docker-registry is not installed"
            );
            let _ = writeln!(std::io::stderr(), "skipped: docker-registry is not installed");
            return None;
        };
        let mut lines = BufReader::new(child.stderr.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let port = lines.find_map(|line| {
            let (_, rest) = line.split_once("listening on 127.0.0.1:")?;
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok()
        });
        // Read on, or it would wait for its log to be read.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self {
            child,
            port: port.unwrap(),
            root,
        })
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
