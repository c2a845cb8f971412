//! How long and how much a fetch may take.

use std::time::Duration;

/// Bounds of one fetch; whatever passes one of them is an error, never a truncated result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time for the whole fetch, redirects and retries included. Default one minute.
    pub timeout: Duration,
    /// Size of the fetched file in bytes. Default 8 MiB.
    pub max_bytes: u64,
    /// Size in bytes of any one file that git may write while it downloads. Default 512 MiB.
    pub max_transfer: u64,
    /// Address space in bytes of each git process. Default 4 GiB.
    pub max_memory: u64,
    /// Sum of the sizes in bytes of all files of a checkout. Default 1 GiB.
    pub max_tree_bytes: u64,
    /// Number of files of a checkout. Default 200 000.
    pub max_files: usize,
    /// Number of HTTP redirects followed. Default 5.
    pub max_redirects: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_mins(1),
            max_bytes: 8 << 20,
            max_transfer: 512 << 20,
            max_memory: 4 << 30,
            max_tree_bytes: 1 << 30,
            max_files: 200_000,
            max_redirects: 5,
        }
    }
}
