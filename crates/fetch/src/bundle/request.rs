//! What is asked for.

use std::sync::Arc;

use crate::cache::Key;
use crate::limits::Limits;
use crate::oci::Keyring;
use crate::oci::Reference;

/// One object of a bundle.
#[derive(Clone, Debug)]
pub struct Request {
    /// The image, by tag or digest.
    pub bundle: Reference,
    /// Kind of the object as the bundle writes it: `task`, `pipeline`, `stepaction`.
    pub kind: String,
    /// Name of the object.
    pub name: String,
    /// Who asks; default anonymous.
    pub keyring: Arc<Keyring>,
    /// Bounds of this fetch; `max_bytes` holds for the layer and for what is in it.
    pub limits: Limits,
}

impl Request {
    /// Asks for a task, anonymously and with the default limits.
    pub fn task(bundle: Reference, name: impl Into<String>) -> Self {
        Self {
            bundle,
            kind: "task".to_owned(),
            name: name.into(),
            keyring: Arc::default(),
            limits: Limits::default(),
        }
    }

    /// Whether the request can only ever mean one content: it names the bundle's digest.
    pub fn is_immutable(&self) -> bool {
        self.bundle.digest().is_some()
    }

    /// The identity of the request in a cache.
    pub(crate) fn key(&self) -> Key {
        let keyring = self.keyring.fingerprint();
        let bundle = self.bundle.to_string();
        Key::new(["bundle", &bundle, &self.kind, &self.name, keyring.as_str()])
    }
}
