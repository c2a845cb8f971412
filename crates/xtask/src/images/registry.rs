//! Debian's registry on a free port of loopback, with the images in it.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread;

use anyhow::Context;
use anyhow::Result;
use serde_json::json;

use super::making::Cache;
use super::making::Digests;
use crate::workspace;

/// A registry that serves the test images until it is dropped.
pub(crate) struct Registry {
    digests: Digests,
    settings: PathBuf,
    child: Child,
}

impl Registry {
    /// Makes the images if need be, and starts the registry.
    ///
    /// # Errors
    /// Where Debian's packages cannot be had, or `docker-registry` is not installed.
    pub(crate) fn start() -> Result<Self> {
        let folder = workspace::target()?.join("test-images");
        let cache = Cache::open(&folder)?;
        let made = cache.made();
        if made.is_none() {
            cache.clear()?;
        }
        let settings = folder.join(format!("settings-{}", std::process::id()));
        fs::create_dir_all(&settings).with_context(|| format!("create {}", settings.display()))?;
        let (child, address) = serve(&settings, &cache.storage())?;
        let mut registry = Self {
            digests: made.clone().unwrap_or_default(),
            settings,
            child,
        };
        let mirrors =
            json!({"mirrors": [{"prefix": "*", "urls": [format!("http://{address}")], "only": true}]});
        let file = registry.settings_file();
        fs::write(&file, mirrors.to_string()).with_context(|| format!("write {}", file.display()))?;
        if made.is_none() {
            registry.digests = cache.fill(address)?;
        }
        Ok(registry)
    }

    /// Settings of registries by which every image comes from here, and none from elsewhere.
    pub(crate) fn settings_file(&self) -> PathBuf {
        self.settings.join("registries.json")
    }

    /// What to set for a run of the binary that shall use those settings.
    pub(crate) fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        vec![
            ("WINDLASS_REGISTRIES", self.settings_file()),
            // No login of whoever runs this has a part in it.
            ("DOCKER_CONFIG", self.settings.clone()),
        ]
    }

    /// Replaces the digests of references in a manifest by those of the images that stand for them here.
    ///
    /// Nobody can make another content for a digest, so that a file which pins one could not be run at all.
    pub(crate) fn repin(&self, text: &str) -> String {
        repin(text, &self.digests)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.settings);
    }
}

fn serve(settings: &Path, storage: &Path) -> Result<(Child, SocketAddr)> {
    let config = json!({
        "version": "0.1",
        "log": {"accesslog": {"disabled": true}},
        "storage": {"filesystem": {"rootdirectory": storage}},
        "http": {"addr": "127.0.0.1:0"},
    });
    let file = settings.join("registry.json");
    fs::write(&file, config.to_string()).with_context(|| format!("write {}", file.display()))?;
    let mut child = Command::new("docker-registry")
        .arg("serve")
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("start docker-registry (Debian package docker-registry)")?;
    let stderr = child.stderr.take().context("docker-registry has no stderr")?;
    let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
    let address = lines.find_map(|line| listening(&line));
    // Read on, or it would wait for its log to be read.
    thread::spawn(move || lines.for_each(drop));
    let address = address.context("docker-registry ended before it listened");
    if address.is_err() {
        let _ = child.kill();
        let _ = child.wait();
    }
    Ok((child, address?))
}

/// Reads the port off the line in which the registry says where it listens.
fn listening(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("listening on ")?;
    rest.split(|character: char| !(character.is_ascii_digit() || matches!(character, '.' | ':')))
        .next()?
        .parse()
        .ok()
}

fn repin(text: &str, digests: &Digests) -> String {
    let mut parts = text.split("@sha256:");
    let mut written = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let known = repository(&written).and_then(|repository| {
            let prefix = format!("{repository}:");
            let latest = digests.get(&format!("{prefix}latest"));
            latest.or_else(|| {
                digests
                    .iter()
                    .find(|(name, _)| name.starts_with(&prefix))
                    .map(|(_, digest)| digest)
            })
        });
        let digits = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        match (known, part.get(digits..)) {
            (Some(digest), Some(rest)) => {
                written.push('@');
                written.push_str(digest);
                written.push_str(rest);
            }
            _ => {
                written.push_str("@sha256:");
                written.push_str(part);
            }
        }
    }
    written
}

/// The repository at the end of a text, without registry and tag.
fn repository(text: &str) -> Option<&str> {
    let name = text
        .rsplit(|character: char| character.is_whitespace() || "\"'".contains(character))
        .next()?;
    let (registry, path) = name.split_once('/').unwrap_or(("", name));
    let path = if registry.contains(['.', ':']) { path } else { name };
    Some(path.split(':').next().unwrap_or(path)).filter(|path| !path.is_empty())
}

#[cfg(test)]
mod tests {
    use super::Digests;
    use super::listening;
    use super::repin;

    #[test]
    fn pinned_references_get_the_digests_that_are_here() {
        let digests: Digests = [
            ("bash:5.1.4", "sha256:b1"),
            ("bash:latest", "sha256:b2"),
            ("alpine/git:v2", "sha256:a1"),
        ]
        .map(|(name, digest)| (name.to_owned(), digest.to_owned()))
        .into();
        let rows = [
            (
                "image: mirror.test/bash@sha256:00ff\n",
                "image: mirror.test/bash@sha256:b2\n",
            ),
            (
                "'bash@sha256:00' \"m.test/alpine/git:v9@sha256:11\"",
                "'bash@sha256:b2' \"m.test/alpine/git:v9@sha256:a1\"",
            ),
            (
                "image: mirror.test/zsh@sha256:00ff\n",
                "image: mirror.test/zsh@sha256:00ff\n",
            ),
            ("digest: sha256:00ff", "digest: sha256:00ff"),
        ];
        for (text, expected) in rows {
            assert_eq!(repin(text, &digests), expected);
        }
    }

    #[test]
    fn the_address_is_read_off_the_log() {
        let line = r#"time="2026-01-01" level=info msg="listening on 127.0.0.1:41234" go.version=go1.19"#;
        assert_eq!(listening(line).map(|address| address.port()), Some(41234));
        assert_eq!(listening("level=info msg=starting"), None);
    }
}
