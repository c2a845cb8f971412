//! Evaluating guards whose variables have been replaced.

use windlass_api::tekton::WhenExpression;

use crate::cel;
use crate::params::USER_ERROR;

/// A guard that cannot be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Its expression is at fault.
    #[error(transparent)]
    Cel(#[from] cel::Error),
}

impl Error {
    /// The message of reason `CELEvaluationFailed`.
    pub fn message(&self, run: &str) -> String {
        format!("{USER_ERROR}Error evaluating CEL {run}: {self}")
    }
}

/// Whether all guards hold. Every expression is evaluated, also behind a guard that does not hold, as upstream.
pub fn holds(guards: &[WhenExpression]) -> Result<bool, Error> {
    let mut all = true;
    for guard in guards {
        let expression = guard.cel.is_empty() || cel::evaluate(&guard.cel)?;
        all &= expression && compares(guard);
    }
    Ok(all)
}

/// Any operator but `in` means `notin`, so that a guard with an expression alone holds.
fn compares(guard: &WhenExpression) -> bool {
    guard.values.contains(&guard.input) == (guard.operator == "in")
}
