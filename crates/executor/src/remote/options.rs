//! What a runner should be like.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::job::Secret;

/// What a runner should be like.
#[derive(Clone, Debug)]
pub struct Options {
    /// Address of the server: `http://HOST:PORT`, `https://HOST:PORT` or `unix:/PATH`.
    pub server: String,
    /// Token that proves that it is a runner; empty sends none.
    pub token: Secret,
    /// Certificates in PEM form of the authorities that the server's certificate may be signed by.
    pub ca: Option<Vec<u8>>,
    /// Its name, one per server.
    pub name: String,
    /// Its version, for people.
    pub version: String,
    /// Executors that it has, for people.
    pub executors: Vec<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Directory of what it holds, its own; made when missing.
    pub data_dir: PathBuf,
    /// It ends after that time without a server when it holds nothing; `None` never.
    pub linger: Option<Duration>,
}
