//! The plane's own admission: upstream's defaults and validation.

use windlass_api::Object;
use windlass_api::defaults::Defaults;
use windlass_api::defaults::SetDefaults as _;
use windlass_api::validation::Flags;
use windlass_api::validation::to_admission_message;
use windlass_api::validation::validate_create;
use windlass_api::validation::validate_update;
use windlass_store::Admission;

/// Defaults and validates as upstream's webhooks do.
#[derive(Clone, Debug, Default)]
pub struct Webhooks {
    /// Values for what a run leaves open.
    pub defaults: Defaults,
    /// Which fields are allowed.
    pub flags: Flags,
}

impl Admission for Webhooks {
    fn admit(&self, new: &mut Object, old: Option<&Object>) -> Result<(), String> {
        new.set_defaults(&self.defaults);
        let violations = match old {
            None => validate_create(new, &self.flags),
            Some(old) => validate_update(old, new, &self.defaults, &self.flags),
        };
        to_admission_message(&violations).map_or(Ok(()), Err)
    }
}
