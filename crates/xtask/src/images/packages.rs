//! Debian packages with all that they need, downloaded by `apt-get` and unpacked without being installed.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;

use crate::process;

/// All packages together are 80 MB; at 1 MB/s that is a minute and a half.
const DOWNLOAD: Duration = Duration::from_mins(3);

/// Unpacking the largest takes seconds.
const UNPACK: Duration = Duration::from_mins(1);

/// What no test reads.
const NOT_NEEDED: &[&str] = &[
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/info",
    "usr/share/lintian",
];

/// Returns the file names of these packages and of everything that they depend on.
pub(crate) fn closure(cache: &Path, packages: &[&str]) -> Result<BTreeSet<String>> {
    let listed = solve(cache, packages).or_else(|first| {
        // A machine whose package lists were removed, as images of distributions are.
        let refreshed = Command::new("apt-get")
            .args(["update", "--quiet=2"])
            .stdout(Stdio::null())
            .status();
        if refreshed.is_ok_and(|status| status.success()) {
            solve(cache, packages)
        } else {
            Err(first)
        }
    })?;
    Ok(listed.lines().filter_map(file_name).map(str::to_owned).collect())
}

fn solve(cache: &Path, packages: &[&str]) -> Result<String> {
    // What is in the cache would not be listed.
    let empty = cache.with_file_name("nothing");
    apt(&empty, &["--print-uris"], packages, Duration::from_secs(30))
}

/// Reads the file name off a line of `apt-get --print-uris`: `'URI' FILE SIZE HASH`.
fn file_name(line: &str) -> Option<&str> {
    let (_, rest) = line.strip_prefix('\'')?.split_once("' ")?;
    rest.split(' ')
        .next()
        .filter(|name| name.rsplit('.').next() == Some("deb"))
}

/// Downloads packages and everything that they depend on into the cache, as far as it is not there.
pub(crate) fn download(cache: &Path, packages: &[&str]) -> Result<()> {
    apt(cache, &["--download-only"], packages, DOWNLOAD).map(drop)
}

/// Runs `apt-get install` for a system in which nothing is installed, without touching this one.
fn apt(cache: &Path, arguments: &[&str], packages: &[&str], deadline: Duration) -> Result<String> {
    std::fs::create_dir_all(cache.join("partial")).with_context(|| format!("create {}", cache.display()))?;
    let mut command = Command::new("apt-get");
    command
        .args([
            "--option=Debug::NoLocking=1",
            "--option=Dir::State::status=/dev/null",
        ])
        .args([
            "--option=APT::Sandbox::User=root",
            "--option=APT::Install-Recommends=0",
        ])
        .arg(format!("--option=Dir::Cache::archives={}", cache.display()))
        .args(["--quiet=2", "--yes"])
        .args(arguments)
        .arg("install")
        .args(packages)
        .env("LC_ALL", "C");
    said("apt-get", &mut command, deadline)
}

/// Unpacks packages into a tree.
pub(crate) fn unpack(cache: &Path, files: &BTreeSet<String>, tree: &Path) -> Result<()> {
    for file in files {
        let mut command = Command::new("dpkg-deb");
        command.arg("--extract").arg(cache.join(file)).arg(tree);
        said("dpkg-deb", &mut command, UNPACK)?;
    }
    for folder in NOT_NEEDED {
        let folder = tree.join(folder);
        if folder.is_dir() {
            std::fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;
        }
    }
    Ok(())
}

/// Runs a program that must succeed and returns what it printed.
pub(crate) fn said(program: &str, command: &mut Command, deadline: Duration) -> Result<String> {
    let finished = process::run(command, deadline)?;
    if !finished.status.is_some_and(|status| status.success()) {
        let complaint = String::from_utf8_lossy(&finished.stderr);
        bail!(
            "{program} failed: {}",
            complaint.lines().last().unwrap_or("it took too long")
        );
    }
    Ok(String::from_utf8_lossy(&finished.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn file_names_are_read_off_the_list() {
        let rows = [
            (
                "'http://deb.test/pool/git_2.39-1_amd64.deb' git_1%3a2.39-1_amd64.deb 7264380 MD5Sum:b493",
                Some("git_1%3a2.39-1_amd64.deb"),
            ),
            ("Reading package lists...", None),
            ("", None),
        ];
        for (line, expected) in rows {
            assert_eq!(file_name(line), expected, "{line}");
        }
    }
}
