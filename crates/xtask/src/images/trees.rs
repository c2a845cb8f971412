//! The directory tree that becomes a layer.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use anyhow::Result;

use super::catalogue::Layer;
use super::packages;

/// Packages of the layer `Debian`.
const DEBIAN: &[&str] = &[
    "base-files",
    "bash",
    "coreutils",
    "dash",
    "diffutils",
    "findutils",
    "grep",
    "hostname",
    "libc-bin",
    "mawk",
    "perl-base",
    "procps",
    "sed",
];

/// Packages of which one file each is used.
const STATIC: &[&str] = &["bash-static", "busybox-static"];

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh
sshd:x:100:65534::/run/sshd:/bin/false
nonroot:x:1000:1000::/home/nonroot:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
";
const GROUP: &str = "root:x:0:\nnonroot:x:1000:\nnogroup:x:65534:\n";
const SHADOW: &str = "root:!:19000:0:99999:7:::\nsshd:!:19000:0:99999:7:::\nnonroot:!:19000:0:99999:7:::\n";

const BASH_ENTRYPOINT: &str = r#"#!/usr/bin/env bash
set -Eeuo pipefail
case "${1-}" in
    -*) set -- bash "$@" ;;
    *) type "${1-bash}" > /dev/null 2>&1 || set -- bash "$@" ;;
esac
exec "$@"
"#;

/// What `Layer` takes from the distribution besides what lies below it.
fn wanted(layer: Layer) -> &'static [&'static str] {
    match layer {
        Layer::Debian => DEBIAN,
        Layer::Python => &["python3"],
        Layer::Node => &["nodejs"],
        Layer::Git => &["git", "openssh-client", "openssh-server"],
        Layer::Busybox | Layer::Bash | Layer::Nop => &[],
    }
}

/// Downloads the packages of all layers.
pub(crate) fn provide(cache: &Path, layers: &[Layer]) -> Result<()> {
    let all: Vec<&str> = layers
        .iter()
        .flat_map(|layer| wanted(*layer))
        .chain(STATIC)
        .copied()
        .collect();
    packages::download(cache, &all)
}

/// Makes the tree of a layer in an empty folder.
pub(crate) fn make(layer: Layer, cache: &Path, tree: &Path) -> Result<()> {
    fs::create_dir_all(tree).with_context(|| format!("create {}", tree.display()))?;
    match layer {
        Layer::Busybox => busybox(cache, tree),
        Layer::Bash => bash(cache, tree),
        Layer::Debian => debian(cache, tree),
        Layer::Python | Layer::Node => over_debian(layer, cache, tree),
        Layer::Git => {
            over_debian(layer, cache, tree)?;
            // The packages write both when they are installed.
            text(
                tree,
                "etc/ssh/sshd_config",
                0o644,
                "PermitRootLogin prohibit-password\n",
            )?;
            folder(tree, "run/sshd", 0o755)
        }
        Layer::Nop => text(tree, "ko-app/nop", 0o755, "#!/bin/sh\nexit 0\n"),
    }
}

fn busybox(cache: &Path, tree: &Path) -> Result<()> {
    basics(tree)?;
    let program = tree.join("bin/busybox");
    single(cache, "busybox-static", "bin/busybox", &program)?;
    let applets = packages::said(
        "busybox",
        Command::new(&program).arg("--list-full"),
        Duration::from_secs(10),
    )?;
    for applet in applets.lines().filter(|path| !path.ends_with("/busybox")) {
        let link = tree.join(applet);
        create_parent(&link)?;
        symlink("/bin/busybox", &link).with_context(|| format!("link {}", link.display()))?;
    }
    Ok(())
}

fn bash(cache: &Path, tree: &Path) -> Result<()> {
    single(
        cache,
        "bash-static",
        "bin/bash-static",
        &tree.join("usr/local/bin/bash"),
    )?;
    text(tree, "usr/local/bin/docker-entrypoint.sh", 0o755, BASH_ENTRYPOINT)
}

fn debian(cache: &Path, tree: &Path) -> Result<()> {
    packages::unpack(cache, &packages::closure(cache, DEBIAN)?, tree)?;
    basics(tree)?;
    // What the packages' scripts and the system of alternatives would do.
    for (target, link) in [("dash", "bin/sh"), ("mawk", "usr/bin/awk")] {
        let link = tree.join(link);
        if fs::symlink_metadata(&link).is_err() {
            symlink(target, &link).with_context(|| format!("link {}", link.display()))?;
        }
    }
    Ok(())
}

fn over_debian(layer: Layer, cache: &Path, tree: &Path) -> Result<()> {
    let below = packages::closure(cache, DEBIAN)?;
    let all: Vec<&str> = DEBIAN.iter().chain(wanted(layer)).copied().collect();
    let files: BTreeSet<String> = packages::closure(cache, &all)?
        .difference(&below)
        .cloned()
        .collect();
    packages::unpack(cache, &files, tree)
}

/// Users, and the folders every system has.
fn basics(tree: &Path) -> Result<()> {
    for (path, mode) in [
        ("root", 0o700),
        ("tmp", 0o1777),
        ("run", 0o755),
        ("var/log", 0o755),
        ("home/nonroot", 0o777),
    ] {
        folder(tree, path, mode)?;
    }
    text(tree, "etc/passwd", 0o644, PASSWD)?;
    text(tree, "etc/group", 0o644, GROUP)?;
    text(tree, "etc/shadow", 0o640, SHADOW)
}

/// Takes one file out of a package.
fn single(cache: &Path, package: &str, path: &str, to: &Path) -> Result<()> {
    let files = packages::closure(cache, &[package])?;
    let prefix = format!("{package}_");
    let files = files
        .into_iter()
        .filter(|file| file.starts_with(&prefix))
        .collect();
    let unpacked = cache.with_file_name(package);
    packages::unpack(cache, &files, &unpacked)?;
    create_parent(to)?;
    // Debian moves its programs from /bin to /usr/bin.
    let from = [unpacked.join(path), unpacked.join("usr").join(path)];
    let from = from.iter().find(|path| path.is_file());
    let from = from.with_context(|| format!("{package} holds no {path}"))?;
    fs::copy(from, to).with_context(|| format!("copy {}", from.display()))?;
    Ok(())
}

fn folder(tree: &Path, path: &str, mode: u32) -> Result<()> {
    let path = tree.join(path);
    fs::create_dir_all(&path).with_context(|| format!("create {}", path.display()))?;
    set_mode(&path, mode)
}

fn text(tree: &Path, path: &str, mode: u32, content: &str) -> Result<()> {
    let path = tree.join(path);
    create_parent(&path)?;
    fs::write(&path, content).with_context(|| format!("write {}", path.display()))?;
    set_mode(&path, mode)
}

fn create_parent(path: &Path) -> Result<()> {
    let parent = path.parent().context("a file needs a folder")?;
    fs::create_dir_all(parent).with_context(|| format!("create {}", parent.display()))
}

fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .with_context(|| format!("set the mode of {}", path.display()))
}
