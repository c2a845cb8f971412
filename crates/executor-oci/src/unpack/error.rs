//! Why a layer was refused.

use std::io;

/// Result of unpacking.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a layer could not be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One of its entries.
    #[error("`{path}`")]
    Entry {
        /// The entry's name, shortened and escaped.
        path: String,
        /// What is wrong with it.
        #[source]
        fault: Fault,
    },
    /// The archive around them.
    #[error("after `{after}`")]
    Archive {
        /// The last entry that could be read; empty before the first.
        after: String,
        /// What is wrong.
        #[source]
        fault: Fault,
    },
    /// The content is not what the image's configuration says.
    #[error("its content has the digest {got}, not {expected} as the image's configuration says")]
    DiffId {
        /// Digest in the configuration.
        expected: crate::Digest,
        /// Digest of the content.
        got: crate::Digest,
    },
    /// The directory to unpack into.
    #[error("prepare {place}")]
    Prepare {
        /// What was prepared.
        place: String,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
}

/// What is wrong with an entry or an archive.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The name has a component that may not be.
    #[error("the name leads out of the image or names nothing; refused")]
    Name,
    /// The name is too long or too deep.
    #[error("the path has {got} {what}, more than {most}")]
    Path {
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        got: usize,
        /// How many may be.
        most: usize,
    },
    /// A symbolic link on the way to the entry leads above the image's root.
    #[error("a link on the way, to `{0}`, leads out of the image; refused")]
    Escape(String),
    /// Symbolic links on the way to the entry lead in a circle.
    #[error("links on the way lead in a circle")]
    Circle,
    /// Something on the way to the entry is no directory.
    #[error("`{0}`, on the way, is not a directory")]
    NotDirectory(String),
    /// A hard link to nothing.
    #[error("the hard link's target `{0}` does not exist in the image")]
    NoTarget(String),
    /// A hard link to something that cannot have two names.
    #[error("the hard link's target `{0}` cannot be linked: it is a directory, a device, or the link itself")]
    BadTarget(String),
    /// A whiteout of something that cannot be removed.
    #[error("the whiteout does not name a file to hide")]
    Whiteout,
    /// A device, where an ordinary user may not make one.
    #[error("a device, which only root can make; run as root, or use an image without devices outside /dev")]
    Device,
    /// An attribute that steers the overlay itself.
    #[error("the attribute `{0}` steers the overlay that containers are made of; refused")]
    Overlay(String),
    /// More than the limits allow.
    #[error("{what} exceeds the limit of {most}; raise it if the image is trusted")]
    Limit {
        /// What exceeds.
        what: &'static str,
        /// The bound.
        most: u64,
    },
    /// The layer shrinks too well.
    #[error(
        "the layer unpacks to more than {0} times its size: a decompression bomb; raise the limit if it is trusted"
    )]
    Ratio(u64),
    /// The archive cannot be understood.
    #[error("{0}")]
    Format(String),
    /// The compressed form cannot be understood.
    #[error("decompress: {0}")]
    Compression(String),
    /// The kernel refused.
    #[error("{call}")]
    Call {
        /// What was tried.
        call: &'static str,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// The bytes could not be had: the transfer ended or was given up.
    #[error("read the layer")]
    Read(#[source] io::Error),
}

/// A name of strangers, for a message.
pub(crate) fn shown(path: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(path).chars().take(200).collect();
    text.escape_debug().to_string()
}

/// Turns a refusal of the kernel into a fault.
pub(super) fn call(call: &'static str) -> impl FnOnce(rustix::io::Errno) -> Fault {
    move |errno| Fault::Call {
        call,
        source: errno.into(),
    }
}
