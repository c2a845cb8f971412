//! What is asked for, and the checks of every word of it.

use crate::cache::Key;
use crate::credentials::Credentials;
use crate::limits::Limits;

use super::error::Error;
use crate::http::shown;

/// One file of one revision of a repository.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The repository: an `https`, `http`, `ssh`, `git` or `file` URL, `user@host:path`, or a path that is
    /// absolute or starts with a dot.
    pub url: String,
    /// A branch, a tag, a full or abbreviated commit hash, or a name starting with `refs/`.
    pub revision: String,
    /// Path of the file from the root of the repository; slashes before it are ignored.
    pub path: String,
    /// Who asks, for `http` and `https`; default anonymous.
    pub credentials: Option<Credentials>,
    /// Bounds of this fetch.
    pub limits: Limits,
}

impl Request {
    /// Whether the request can only ever mean one content: the revision is a full commit hash.
    pub fn is_immutable(&self) -> bool {
        is_full_hash(&self.revision)
    }

    /// The identity of the request in a cache.
    pub(crate) fn key(&self) -> Key {
        let authorization = self.credentials.as_ref().map(Credentials::authorization);
        let path = self.path.trim_start_matches('/');
        Key::new([
            "git",
            &self.url,
            &self.revision,
            path,
            authorization.as_deref().unwrap_or_default(),
        ])
    }
}

/// Whether a revision is a whole SHA-1 or SHA-256 commit hash.
pub(super) fn is_full_hash(revision: &str) -> bool {
    matches!(revision.len(), 40 | 64) && is_hex(revision)
}

/// Whether a revision may be the beginning of a commit hash; git accepts no fewer than four digits.
pub(super) fn is_abbreviated_hash(revision: &str) -> bool {
    (4..40).contains(&revision.len()) && is_hex(revision)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Checks a revision: a name or hash, never an option, a refspec or an expression.
pub(super) fn check_revision(revision: &str) -> Result<(), Error> {
    let refuse = |reason| {
        Err(Error::Revision {
            revision: shorten(revision),
            reason,
        })
    };
    if revision.is_empty() {
        return refuse("it is empty; give a branch, tag or commit");
    }
    if revision.len() > 255 {
        return refuse("it is longer than 255 bytes");
    }
    if revision.starts_with('-') {
        return refuse("must not begin with '-'");
    }
    if revision
        .chars()
        .any(|character| character.is_control() || character.is_whitespace())
    {
        return refuse("must not contain blanks or control characters");
    }
    // What git forbids in the name of a reference; each of these would make it an expression or a refspec.
    let forbidden = ['+', '~', '^', ':', '?', '*', '[', '\\'];
    if revision == "@" || revision.contains("@{") || revision.contains("..") {
        return refuse("must be a plain name, not an expression");
    }
    // A plus sign is only special in front.
    if revision.starts_with('+') || revision.contains(|character| forbidden[1..].contains(&character)) {
        return refuse("must not contain any of ~ ^ : ? * [ \\ nor begin with '+'");
    }
    let locked = |part: &str| part.strip_suffix(".lock").is_some();
    let bad_part = |part: &str| part.is_empty() || part.starts_with('.') || locked(part);
    if revision.ends_with('.') || revision.split('/').any(bad_part) {
        return refuse("is no valid name of a branch or tag");
    }
    Ok(())
}

/// Checks a path in a repository and gives it back without the slashes in front.
pub(super) fn check_path(path: &str) -> Result<&str, Error> {
    let refuse = |reason| {
        Err(Error::Path {
            path: shorten(path),
            reason,
        })
    };
    let inner = path.trim_start_matches('/');
    if inner.is_empty() {
        return refuse("it names no file");
    }
    if inner.len() > 4096 {
        return refuse("it is longer than 4096 bytes");
    }
    if inner.starts_with('-') {
        return refuse("must not begin with '-'");
    }
    if inner.chars().any(char::is_control) {
        return refuse("must not contain control characters");
    }
    if inner.contains('\\') {
        return refuse("must use '/' between its parts");
    }
    for part in inner.split('/') {
        match part {
            ".." => return refuse("must not contain '..' components"),
            "" | "." => return refuse("must not contain empty or '.' components"),
            part if part.eq_ignore_ascii_case(".git") => return refuse("must not reach into '.git'"),
            _ => {}
        }
    }
    Ok(inner)
}

fn shorten(text: &str) -> String {
    text.chars().take(256).collect()
}

/// Builds the clone URL of a repository of a forge, as the parameters `scmType`, `serverURL`, `org` and
/// `repo` name it. An empty `server_url` means the public server of that forge.
pub fn repository_url(scm_type: &str, server_url: &str, org: &str, repo: &str) -> Result<String, Error> {
    let server = match (server_url, scm_type) {
        ("", "github" | "") => "https://github.com",
        ("", "gitlab") => "https://gitlab.com",
        ("", "bitbucketcloud") => "https://bitbucket.org",
        ("", "gitea") => "https://gitea.com",
        ("", _) => {
            return Err(Error::Url {
                url: shorten(scm_type),
                reason: "this scmType has no public server; set serverURL",
            });
        }
        (url, _) => url.trim_end_matches('/'),
    };
    let is_name = |name: &str| {
        !name.is_empty()
            && !name.starts_with(['-', '.'])
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    // Groups of some forges nest.
    if !org.split('/').all(is_name) || !is_name(repo) {
        return Err(Error::Url {
            url: shown(&format!("{server}/{org}/{repo}")),
            reason: "org and repo are names of letters, digits, '-', '_' and '.'",
        });
    }
    Ok(format!(
        "{server}/{org}/{}.git",
        repo.strip_suffix(".git").unwrap_or(repo)
    ))
}
