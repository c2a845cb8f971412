//! What a fetch gives back.

use std::collections::BTreeMap;

use windlass_api::tekton::provenance::RefSource;

/// One fetched file.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetched {
    /// The content, at most [`Limits::max_bytes`](crate::Limits::max_bytes) long.
    pub bytes: Vec<u8>,
    /// Where the content came from, as Tekton records it: `git+<url>` with the `sha1` of the commit and the
    /// path in the repository, or the requested URL with the `sha256` of the content. User names and
    /// passwords are cut out.
    pub source: RefSource,
}

impl Fetched {
    /// Builds the result of a fetch whose digest is that of its content.
    pub(crate) fn of_content(uri: String, bytes: Vec<u8>) -> Self {
        let sha256 = crate::digest::sha256_hex(&bytes);
        let digest = BTreeMap::from([("sha256".to_owned(), sha256)]);
        Self {
            bytes,
            source: RefSource {
                uri,
                digest,
                entry_point: String::new(),
            },
        }
    }
}
