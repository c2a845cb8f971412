//! Reads one file out of a fetched commit, without ever making a work tree.

use std::collections::BTreeMap;

use windlass_api::tekton::provenance::RefSource;

use super::error::Error;
use super::remote::Snapshot;
use super::remote::one_line;
use super::request::Request;
use super::request::check_path;
use crate::policy::Policy;
use crate::source::Fetched;

/// The line in front of an object is a hash, a type and a size; or the question, when it cannot be answered.
const MAX_HEADER: u64 = 8 << 10;

/// Fetches one file of a repository at one revision.
///
/// # Errors
/// Every word of the request is checked before anything is run; see [`Error`] for what can go wrong then.
pub async fn fetch_file(request: &Request, policy: &Policy) -> Result<Fetched, Error> {
    let path = check_path(&request.path)?;
    let limits = request.limits;
    let fetch = async {
        let credentials = request.credentials.as_ref();
        let snapshot = Snapshot::fetch(&request.url, &request.revision, credentials, limits, policy).await?;
        let bytes = snapshot.read(path, limits.max_bytes).await?;
        Ok(Fetched {
            bytes,
            source: snapshot.source(path),
        })
    };
    match tokio::time::timeout(limits.timeout, Box::pin(fetch)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Error::Timeout {
            url: crate::http::shown(&request.url),
            limit: limits.timeout,
        }),
    }
}

impl Snapshot {
    /// Where a path of this commit comes from.
    pub(super) fn source(&self, path: &str) -> RefSource {
        RefSource {
            uri: format!("git+{}", self.location.written),
            digest: BTreeMap::from([("sha1".to_owned(), self.commit.clone())]),
            entry_point: path.to_owned(),
        }
    }

    /// Reads the file at a checked path, following links inside the commit only.
    async fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, Error> {
        let question = format!("{}:{path}\n", self.commit);
        let arguments = ["cat-file", "--batch", "--follow-symlinks"];
        let max_output = limit.saturating_add(MAX_HEADER);
        let finished = self
            .program
            .run(&self.repository, &arguments, question.as_bytes(), max_output)
            .await?;
        let too_large = || Error::TooLarge {
            what: "the file",
            url: self.location.shown(),
            limit,
        };
        let Some(end) = finished.output.iter().position(|byte| *byte == b'\n') else {
            let message = one_line(&finished.complaint);
            return Err(Error::Failed {
                url: self.location.shown(),
                message,
            });
        };
        let (header, rest) = finished.output.split_at(end);
        let header = String::from_utf8_lossy(header);
        let size = self.size(&header, path)?;
        if size > limit {
            return Err(too_large());
        }
        let content = usize::try_from(size).ok().and_then(|size| rest.get(1..=size));
        content.map(<[u8]>::to_vec).ok_or_else(|| Error::Failed {
            url: self.location.shown(),
            message: one_line(&finished.complaint),
        })
    }

    /// The size of the file that the line in front of an object announces.
    fn size(&self, header: &str, path: &str) -> Result<u64, Error> {
        let missing = || Error::FileNotFound {
            path: path.to_owned(),
            commit: self.commit.clone(),
        };
        if header.ends_with(" missing") || header.ends_with(" ambiguous") {
            return Err(missing());
        }
        let words: Vec<&str> = header.split(' ').collect();
        match words.as_slice() {
            ["symlink", _] => Err(Error::LinkEscapes {
                path: path.to_owned(),
            }),
            [_, "blob", size] => size.parse().map_err(|_| missing()),
            [_, "tree", _] => Err(Error::NotAFile {
                path: path.to_owned(),
                kind: "directory".into(),
            }),
            [_, "commit", _] => Err(Error::NotAFile {
                path: path.to_owned(),
                kind: "submodule".into(),
            }),
            // A dangling link, a loop of links, or a path through something that is no directory.
            _ => Err(missing()),
        }
    }
}
