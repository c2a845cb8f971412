//! What may be written, and what is added to it.

use windlass_api::Object;

/// Defaults and validates an object on its way into the store.
pub trait Admission: Send + Sync {
    /// Fills in defaults and checks a new object (`old` is `None`) or a change of its desired state.
    ///
    /// # Errors
    /// The refusal, as one sentence for the user.
    fn admit(&self, new: &mut Object, old: Option<&Object>) -> Result<(), String>;
}

/// Admits everything unchanged; for tests of the store itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct AdmitAll;

impl Admission for AdmitAll {
    fn admit(&self, _: &mut Object, _: Option<&Object>) -> Result<(), String> {
        Ok(())
    }
}
