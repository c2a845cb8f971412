//! Ways in which fetching from git fails.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::http;
use crate::policy::Denied;

/// Something could not be fetched from git. URLs are shown without user, password and query.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL is none that git may be given.
    #[error("invalid git repository url: {url} ({reason})")]
    Url {
        /// The URL as given.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The revision is none that git may be given.
    #[error("invalid revision {revision:?}: {reason}")]
    Revision {
        /// The revision as given.
        revision: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The path in the repository is none that may be read.
    #[error("invalid path {path:?}: {reason}")]
    Path {
        /// The path as given.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The policy does not let repositories of this machine be read.
    #[error("refused to read the local repository {0}; use an https, ssh or git URL")]
    LocalRefused(String),
    /// The policy does not let the host be reached.
    #[error("refused to fetch {url}: {denied}")]
    Denied {
        /// The URL.
        url: String,
        /// The address and why.
        denied: Denied,
    },
    /// The host has no address.
    #[error("find the host of {url}")]
    Resolve {
        /// The URL.
        url: String,
        /// What name resolution reported.
        source: io::Error,
    },
    /// The `git` program is not there.
    #[error("git is not installed or not on PATH; install git 2.31 or newer")]
    ProgramMissing,
    /// The `git` program cannot do what is needed.
    #[error("git {found} is too old; install git {needed} or newer")]
    ProgramTooOld {
        /// The version found.
        found: String,
        /// The version needed.
        needed: &'static str,
    },
    /// The program could not be started or read from.
    #[error("run git")]
    Program(#[source] io::Error),
    /// Files of a fetch could not be written or read.
    #[error("use the directory {path}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system reported.
        source: io::Error,
    },
    /// The server wants to know who asks, or does not let them.
    #[error("clone error: authentication required for {url}; give a token, or check the one given")]
    AuthenticationRequired {
        /// The URL.
        url: String,
    },
    /// There is no repository at the URL.
    #[error("no git repository found at {url}; check the URL and whether it needs a token")]
    RepositoryNotFound {
        /// The URL.
        url: String,
    },
    /// The repository has no such revision.
    #[error(
        "revision {revision:?} not found in {url}; it must be a branch, a tag or a commit of the repository"
    )]
    RevisionNotFound {
        /// The URL.
        url: String,
        /// The revision as given.
        revision: String,
    },
    /// The commit has no such file.
    #[error("error opening file {path:?}: file does not exist at {commit}")]
    FileNotFound {
        /// The path as given.
        path: String,
        /// The commit.
        commit: String,
    },
    /// The path leads to a directory or a submodule.
    #[error("error opening file {path:?}: it is a {kind}, not a file")]
    NotAFile {
        /// The path as given.
        path: String,
        /// What it is.
        kind: String,
    },
    /// A symbolic link leads out of the repository.
    #[error(
        "path {path:?} attempts to escape the repository directory (it is or passes a link to the outside)"
    )]
    LinkEscapes {
        /// The path of the link.
        path: String,
    },
    /// The repository, the file or the tree is larger than the limits allow.
    #[error("{what} of {url} exceeds the maximum allowed size of {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The URL.
        url: String,
        /// The size allowed, in bytes, or the number of files.
        limit: u64,
    },
    /// The fetch took longer than the limits allow.
    #[error("fetching {url} took longer than {} s", .limit.as_secs_f64())]
    Timeout {
        /// The URL.
        url: String,
        /// The time allowed.
        limit: Duration,
    },
    /// A redirect of the repository could not be followed.
    #[error("follow the redirect of {url}")]
    Redirect {
        /// The URL.
        url: String,
        /// Why not.
        #[source]
        source: Box<http::Error>,
    },
    /// The program failed for a reason of its own.
    #[error("git failed for {url}: {message}")]
    Failed {
        /// The URL.
        url: String,
        /// The end of what the program said.
        message: String,
    },
    /// The target of a checkout holds something already.
    #[error("the checkout directory {0} is not empty")]
    NotEmpty(PathBuf),
}
