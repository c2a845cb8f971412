//! Compiling and evaluating.

use std::sync::Arc;
use std::sync::OnceLock;

use cel::Context;
use cel::Env;
use cel::Value;

use super::bound;
use super::bound::Excess;

/// An expression that has no boolean value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is longer than is allowed.
    #[error("the CEL expression is longer than {limit} bytes")]
    TooLong {
        /// The bound.
        limit: usize,
    },
    /// It has more words than are allowed.
    #[error("the CEL expression has more than {limit} words outside of string literals")]
    TooManyWords {
        /// The bound.
        limit: usize,
    },
    /// Its brackets nest deeper than is allowed.
    #[error("the CEL expression nests brackets deeper than {limit}")]
    TooDeep {
        /// The bound.
        limit: usize,
    },
    /// Its macros could repeat values too often.
    #[error("the CEL expression uses macros that could cost too much; split it into several guards")]
    TooCostly,
    /// It is no expression.
    #[error("ERROR: <input>: {0}")]
    Compile(String),
    /// Its evaluation fails.
    #[error("{0}")]
    Execute(String),
    /// Its value is no boolean; the text is upstream's.
    #[error("The CEL expression {0} is not evaluated to a boolean")]
    NotBoolean(String),
}

/// The value of an expression that uses the standard library and no variables.
pub fn evaluate(expression: &str) -> Result<bool, Error> {
    bound::check(expression).map_err(refused)?;
    let env = environment();
    let program = env
        .compile(expression)
        .map_err(|error| Error::Compile(error.to_string()))?;
    let context = Context::with_env(Arc::clone(env));
    match program.execute(&context) {
        Ok(Value::Bool(value)) => Ok(value),
        Ok(_) => Err(Error::NotBoolean(expression.to_owned())),
        Err(error) => Err(Error::Execute(error.to_string())),
    }
}

fn environment() -> &'static Arc<Env> {
    static ENVIRONMENT: OnceLock<Arc<Env>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| Arc::new(Env::stdlib()))
}

fn refused(excess: Excess) -> Error {
    match excess {
        Excess::Bytes => Error::TooLong {
            limit: bound::MAX_BYTES,
        },
        Excess::Words => Error::TooManyWords {
            limit: bound::MAX_WORDS,
        },
        Excess::Nesting => Error::TooDeep {
            limit: bound::MAX_NESTING,
        },
        Excess::Cost => Error::TooCostly,
    }
}
