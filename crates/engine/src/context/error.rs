//! Passes that cannot be carried out.

use crate::params;
use crate::substitution;

/// A spec that its values cannot be put into.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The parameters are at fault.
    #[error(transparent)]
    Params(#[from] params::Error),
    /// The values are at fault.
    #[error(transparent)]
    Expand(#[from] substitution::Error),
}
