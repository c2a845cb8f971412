//! What can go wrong while variables are replaced.

/// A replacement that cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The values make the spec larger than is allowed.
    #[error("variables expand to more than {limit} bytes")]
    TooLarge {
        /// The bound, in bytes.
        limit: usize,
    },
}
