//! Repositories made with the git program.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use tempfile::TempDir;

/// Whether the git program is there; where everything must be tested, its absence is a failure.
pub(crate) fn git_is_missing() -> bool {
    if Command::new("git")
        .arg("version")
        .stdout(Stdio::null())
        .status()
        .is_ok()
    {
        return false;
    }
    assert!(std::env::var_os("CI").is_none(), "git is not installed");
    let _ = writeln!(std::io::stderr(), "skipped: git is not installed");
    true
}

/// A repository `repo` in a directory of its own.
pub(crate) struct Repository {
    pub(crate) root: TempDir,
    pub(crate) path: PathBuf,
}

impl Repository {
    pub(crate) fn empty() -> Self {
        let root = TempDir::new().unwrap();
        let path = root.path().join("repo");
        let repository = Self { root, path };
        fs::create_dir(&repository.path).unwrap();
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.git_with(arguments, b"")
    }

    pub(crate) fn git_with(&self, arguments: &[&str], input: &[u8]) -> String {
        let mut child = Command::new("git")
            .arg("-C")
            .arg(&self.path)
            .args([
                "-c",
                "user.name=test",
                "-c",
                "user.email=test@host.test",
                "-c",
                "commit.gpgSign=false",
            ])
            .args(arguments)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "git {arguments:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.path.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn link(&self, path: &str, target: &str) {
        symlink(Path::new(target), self.path.join(path)).unwrap();
    }

    /// Commits everything and gives the hash.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Commits a tree that git itself would not make: one blob at a path given part by part.
    pub(crate) fn commit_raw(&self, mode: &str, parts: &[&str], content: &str) -> String {
        let mut hash = self.git_with(&["hash-object", "-w", "--stdin"], content.as_bytes());
        let mut mode = mode.to_owned();
        for part in parts.iter().rev() {
            let mut tree = format!("{mode} {part}\0").into_bytes();
            tree.extend(
                (0..hash.len())
                    .step_by(2)
                    .map(|at| u8::from_str_radix(&hash[at..at + 2], 16).unwrap()),
            );
            hash = self.git_with(
                &["hash-object", "-t", "tree", "--literally", "-w", "--stdin"],
                &tree,
            );
            "40000".clone_into(&mut mode);
        }
        let commit = self.git(&["commit-tree", "-m", "raw", &hash]);
        self.git(&["update-ref", "refs/heads/raw", &commit]);
        commit
    }

    pub(crate) fn url(&self) -> String {
        self.path.to_str().unwrap().to_owned()
    }
}
