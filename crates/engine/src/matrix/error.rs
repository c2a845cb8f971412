//! Matrices that cannot be fanned out; the texts are upstream's.

/// What is wrong with a matrix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There are more combinations than are allowed.
    #[error("expected 0 <= {count} <= {limit}: matrix")]
    TooMany {
        /// How many there would be.
        count: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// A parameter has the wrong type: arrays are fanned out, strings are included.
    #[error(
        "parameters of type {expected} only are allowed, but param \"{param}\" has type \"{actual}\" in pipelineTask \"{task}\""
    )]
    Type {
        /// Name of the pipeline task.
        task: String,
        /// Name of the parameter.
        param: String,
        /// The type that is needed.
        expected: &'static str,
        /// The type it has.
        actual: &'static str,
    },
}
