//! Writes all files of a revision into a directory.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use windlass_api::tekton::provenance::RefSource;

use super::error::Error;
use super::remote::Snapshot;
use super::remote::one_line;
use crate::credentials::Credentials;
use crate::limits::Limits;
use crate::policy::Policy;

/// One revision of a repository, all of it.
#[derive(Clone, Debug, Default)]
pub struct CheckoutRequest {
    /// The repository, as in [`Request::url`](super::Request::url).
    pub url: String,
    /// The revision, as in [`Request::revision`](super::Request::revision).
    pub revision: String,
    /// Who asks, for `http` and `https`; default anonymous.
    pub credentials: Option<Credentials>,
    /// Bounds of this checkout.
    pub limits: Limits,
}

/// What a checkout wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkout {
    /// The full hash of the commit.
    pub commit: String,
    /// Number of files and links.
    pub files: usize,
    /// Sum of the sizes of the files in bytes.
    pub bytes: u64,
    /// Where the files came from, without user and password.
    pub source: RefSource,
}

/// Writes the files of one revision into `directory`, which must be empty or not there yet.
///
/// # Guarantees
/// No repository is left beside the files. Submodules are empty directories. No link leads out of
/// `directory`. Sizes and numbers are judged before the first file is written.
pub async fn checkout(
    request: &CheckoutRequest,
    directory: &Path,
    policy: &Policy,
) -> Result<Checkout, Error> {
    let limits = request.limits;
    let work = async {
        let credentials = request.credentials.as_ref();
        let snapshot = Snapshot::fetch(&request.url, &request.revision, credentials, limits, policy).await?;
        let tree = snapshot.list().await?;
        snapshot.check_links(&tree).await?;
        let directory = prepare(directory)?;
        snapshot.write(&directory).await?;
        let (commit, source) = (snapshot.commit.clone(), snapshot.source(""));
        Ok(Checkout {
            commit,
            files: tree.files,
            bytes: tree.bytes,
            source,
        })
    };
    match tokio::time::timeout(limits.timeout, Box::pin(work)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Error::Timeout {
            url: crate::http::shown(&request.url),
            limit: limits.timeout,
        }),
    }
}

fn prepare(directory: &Path) -> Result<PathBuf, Error> {
    let failed = |source| Error::Directory {
        path: directory.to_owned(),
        source,
    };
    fs::create_dir_all(directory).map_err(failed)?;
    if fs::read_dir(directory).map_err(failed)?.next().is_some() {
        return Err(Error::NotEmpty(directory.to_owned()));
    }
    directory.canonicalize().map_err(failed)
}

/// What a listing of a tree says, as far as it is judged.
#[derive(Debug, Default)]
pub(super) struct Tree {
    files: usize,
    bytes: u64,
    /// Hash and path of each symbolic link.
    links: Vec<(String, String)>,
}

impl Tree {
    /// Reads the output of `git ls-tree -r -z --long`.
    pub(super) fn parse(listing: &[u8]) -> Self {
        let mut tree = Self::default();
        for line in listing.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
            let text = String::from_utf8_lossy(line);
            let (facts, path) = text.split_once('\t').unwrap_or((&text, ""));
            let mut words = facts.split_ascii_whitespace();
            let (mode, _, hash, size) = (words.next(), words.next(), words.next(), words.next());
            tree.files += 1;
            tree.bytes += size.and_then(|size| size.parse::<u64>().ok()).unwrap_or(0);
            if mode == Some("120000") {
                tree.links
                    .push((hash.unwrap_or_default().to_owned(), path.to_owned()));
            }
        }
        tree
    }
}

impl Snapshot {
    async fn list(&self) -> Result<Tree, Error> {
        let limits = self.program.limits();
        let too_large = |what, limit| Error::TooLarge {
            what,
            url: self.location.shown(),
            limit,
        };
        let arguments = [
            "ls-tree",
            "-r",
            "-z",
            "--long",
            "--full-tree",
            self.commit.as_str(),
        ];
        // A line is rarely longer than a few hundred bytes, paths included.
        let max_output = (limits.max_files as u64).saturating_mul(512).max(64 << 10);
        let finished = self
            .program
            .run(&self.repository, &arguments, &[], max_output)
            .await?;
        let tree = Tree::parse(&finished.output);
        if finished.overflowed || tree.files > limits.max_files {
            return Err(too_large("the number of files", limits.max_files as u64));
        }
        if !finished.success {
            let message = one_line(&finished.complaint);
            return Err(Error::Failed {
                url: self.location.shown(),
                message,
            });
        }
        if tree.bytes > limits.max_tree_bytes {
            return Err(too_large("the tree", limits.max_tree_bytes));
        }
        Ok(tree)
    }

    /// Refuses a tree with links to the outside.
    async fn check_links(&self, tree: &Tree) -> Result<(), Error> {
        if tree.links.is_empty() {
            return Ok(());
        }
        let questions: String = tree
            .links
            .iter()
            .flat_map(|(hash, _)| [hash.as_str(), "\n"])
            .collect();
        // A link's target is at most a path, 4096 bytes on every system we run on.
        let max_output = (tree.links.len() as u64).saturating_mul(4096 + 128);
        let arguments = ["cat-file", "--batch"];
        let finished = self
            .program
            .run(&self.repository, &arguments, questions.as_bytes(), max_output)
            .await?;
        let mut rest = finished.output.as_slice();
        for (_, path) in &tree.links {
            let target = next_object(&mut rest);
            if !target.is_some_and(|target| stays_inside(path, &target)) {
                return Err(Error::LinkEscapes { path: path.clone() });
            }
        }
        Ok(())
    }

    async fn write(&self, directory: &Path) -> Result<(), Error> {
        let arguments = ["checkout", "--quiet", "--force", "--detach", self.commit.as_str()];
        let finished = self
            .program
            .run_in(&self.repository, directory, &arguments)
            .await?;
        if finished.success {
            return Ok(());
        }
        Err(Error::Failed {
            url: self.location.shown(),
            message: one_line(&finished.complaint),
        })
    }
}

/// Takes the next object off the output of `cat-file --batch`.
fn next_object(output: &mut &[u8]) -> Option<String> {
    let end = output.iter().position(|byte| *byte == b'\n')?;
    let (header, rest) = output.split_at(end);
    let size: usize = std::str::from_utf8(header)
        .ok()?
        .rsplit(' ')
        .next()?
        .parse()
        .ok()?;
    let content = rest.get(1..=size)?;
    *output = rest.get(size + 2..)?;
    String::from_utf8(content.to_vec()).ok()
}

/// Whether a link at `path` can only lead to places inside the tree.
///
/// Going up is allowed in front only: after the name of a directory, which may itself be a link, `..` would
/// lead to a place that this cannot know.
pub(super) fn stays_inside(path: &str, target: &str) -> bool {
    if target.is_empty() || target.starts_with('/') {
        return false;
    }
    let mut depth = path.split('/').count() - 1;
    let mut went_down = false;
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if went_down || depth == 0 => return false,
            ".." => depth -= 1,
            _ => went_down = true,
        }
    }
    true
}
