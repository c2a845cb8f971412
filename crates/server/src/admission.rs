//! The plane's own admission: upstream's defaults and validation, and what a place demands of those that come to it.

use std::sync::Arc;

use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::cluster::Namespace;
use windlass_api::cluster::ResourceQuota;
use windlass_api::defaults::Defaults;
use windlass_api::defaults::SetDefaults as _;
use windlass_api::quantity::Quantity;
use windlass_api::validation::Flags;
use windlass_api::validation::to_admission_message;
use windlass_api::validation::validate_create;
use windlass_api::validation::validate_update;
use windlass_store::Admission;
use windlass_store::Lookup;
use windlass_store::admission::Refusal;

use crate::lifecycle;

/// Most quotas of one namespace that are looked at.
const MOST_QUOTAS: usize = 100;

/// Defaults and validates as upstream's webhooks do.
#[derive(Clone, Debug, Default)]
pub struct Webhooks {
    /// Values for what a run leaves open.
    pub defaults: Defaults,
    /// Which fields are allowed.
    pub flags: Flags,
    /// Whether a namespace must be there before what is in it. A plane that lives for one command has none.
    pub has_namespaces: bool,
}

impl Admission for Webhooks {
    fn admit(&self, new: &mut Object, old: Option<&Object>) -> Result<(), String> {
        if let (Object::Namespace(namespace), None) = (&mut *new, old) {
            lifecycle::complete(Arc::make_mut(namespace));
        }
        new.set_defaults(&self.defaults);
        let violations = match old {
            None => validate_create(new, &self.flags),
            Some(old) => validate_update(old, new, &self.defaults, &self.flags),
        };
        to_admission_message(&violations).map_or(Ok(()), Err)
    }

    fn admit_among(&self, new: &Object, others: &dyn Lookup) -> Result<(), Refusal> {
        let namespace = new.metadata().namespace.as_str();
        if !self.has_namespaces || !new.kind().is_namespaced() {
            return Ok(());
        }
        let key = Key::new(Kind::Namespace, "", namespace);
        let Some(place) = others.get(&key) else {
            return Err(Refusal::NotFound(key));
        };
        if place
            .get::<Namespace>()
            .is_some_and(|place| place.metadata.deletion_timestamp.is_some())
        {
            return Err(Refusal::Forbidden(format!(
                "unable to create new content in namespace {namespace} because it is being terminated"
            )));
        }
        check_quotas(new.kind(), namespace, others)
    }
}

/// Whether a namespace may hold one more object of a kind.
fn check_quotas(kind: Kind, namespace: &str, others: &dyn Lookup) -> Result<(), Refusal> {
    if kind == Kind::ResourceQuota || others.count(Kind::ResourceQuota, namespace) == 0 {
        return Ok(());
    }
    let name = match kind.group() {
        "" => format!("count/{}", kind.plural()),
        group => format!("count/{}.{group}", kind.plural()),
    };
    let used = others.count(kind, namespace);
    let quotas = others.list(Kind::ResourceQuota, namespace);
    for object in quotas.iter().take(MOST_QUOTAS) {
        let Some(quota) = object.get::<ResourceQuota>() else {
            continue;
        };
        // The core kinds may be named without `count/`, too.
        let short = name.trim_start_matches("count/");
        let hard = quota.spec.hard.get(&name).or_else(|| quota.spec.hard.get(short));
        let most = hard.and_then(Quantity::millis).map(|millis| millis / 1_000);
        if let (Some(most), Some(hard)) = (most, hard)
            && i128::try_from(used).unwrap_or(i128::MAX) >= most
        {
            return Err(Refusal::Forbidden(format!(
                "exceeded quota: {}, requested: {name}=1, used: {name}={used}, limited: {name}={}",
                quota.metadata.name,
                hard.as_str()
            )));
        }
    }
    Ok(())
}
