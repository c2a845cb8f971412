//! What may be written, and what is added to it.

use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;

/// Defaults and validates an object on its way into the store.
pub trait Admission: Send + Sync {
    /// Fills in defaults and checks a new object (`old` is `None`) or a change of its desired state.
    ///
    /// # Errors
    /// The refusal, as one sentence for the user.
    fn admit(&self, new: &mut Object, old: Option<&Object>) -> Result<(), String>;

    /// Checks a new object, complete with its name, against what is there.
    ///
    /// # Errors
    /// The refusal.
    fn admit_among(&self, new: &Object, others: &dyn Lookup) -> Result<(), Refusal> {
        let _ = (new, others);
        Ok(())
    }
}

/// Why a new object has no place among the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Something that it needs is not there.
    NotFound(Key),
    /// It may not be there.
    Forbidden(String),
}

/// Objects as the writes before this one leave them.
pub trait Lookup {
    /// The object, if there is one.
    fn get(&self, key: &Key) -> Option<Object>;

    /// Objects of a kind in a namespace.
    fn list(&self, kind: Kind, namespace: &str) -> Vec<Object>;

    /// How many objects of a kind a namespace holds.
    fn count(&self, kind: Kind, namespace: &str) -> usize;
}

/// Admits everything unchanged; for tests of the store itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct AdmitAll;

impl Admission for AdmitAll {
    fn admit(&self, _: &mut Object, _: Option<&Object>) -> Result<(), String> {
        Ok(())
    }
}
