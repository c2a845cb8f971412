//! What all images of a plane share: settings, connections, tokens.
//!
//! The registry client is own code on this crate's HTTP set-up. The field's library, `oci-client`, makes its own
//! connections: its names are resolved past the policy, its redirects are followed unseen, and its manifests and
//! tokens are read whole whatever their size.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::error::Error;
use super::image::Image;
use super::keyring::Keyring;
use super::reference::Reference;
use super::registries::Registries;
use super::tokens::Tokens;
use super::wire::Patience;
use super::wire::Wire;
use crate::policy::Policy;

/// Reads from registries under one policy and one set of settings; cheap to clone, keeps connections open.
///
/// # Guarantees
/// The hosts that are asked are those of an image's name, of its mirrors, of the token service they name, and of
/// where they redirect to; every one is judged by the policy. A login goes to its own registry and to that
/// registry's token service, never to where a redirect leads.
#[derive(Clone)]
pub struct Client {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    policy: Arc<Policy>,
    pub(super) registries: Registries,
    patience: Patience,
    wire: OnceLock<Wire>,
    pub(super) tokens: Mutex<Tokens>,
}

impl Client {
    /// Makes a client. Certificates are read when it is first used.
    pub fn new(policy: Policy, registries: Registries) -> Result<Self, Error> {
        Self::with_patience(policy, registries, Patience::default())
    }

    /// Makes a client that waits otherwise than by default.
    pub fn with_patience(policy: Policy, registries: Registries, patience: Patience) -> Result<Self, Error> {
        registries.check()?;
        Ok(Self::of_checked(policy, registries, patience))
    }

    /// Makes a client that reaches every registry under its own name.
    pub fn plain(policy: Policy) -> Self {
        Self::of_checked(policy, Registries::default(), Patience::default())
    }

    fn of_checked(policy: Policy, registries: Registries, patience: Patience) -> Self {
        Self {
            shared: Arc::new(Shared {
                policy: Arc::new(policy),
                registries,
                patience,
                wire: OnceLock::new(),
                tokens: Mutex::default(),
            }),
        }
    }

    /// An image, to be asked for with the logins of a keyring. Nothing is sent yet.
    pub fn image(&self, reference: Reference, keyring: Arc<Keyring>) -> Image {
        Image::new(self.clone(), reference, keyring)
    }

    /// The connections, made when they are first needed because reading certificates takes a while.
    pub(super) fn wire(&self) -> Result<&Wire, Error> {
        let shared = &self.shared;
        if let Some(wire) = shared.wire.get() {
            return Ok(wire);
        }
        let mut authorities = Vec::new();
        for path in &shared.registries.certificates {
            authorities.extend(certificates(path).map_err(|problem| Error::Certificates {
                path: path.clone(),
                problem,
            })?);
        }
        let wire =
            Wire::new(Arc::clone(&shared.policy), &authorities, shared.patience).map_err(Error::Client)?;
        Ok(shared.wire.get_or_init(|| wire))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = std::fs::read(path).map_err(|error: io::Error| error.to_string())?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if found.is_empty() => Err("it holds no certificate in PEM".to_owned()),
        Ok(found) => Ok(found),
        Err(error) => Err(format!("{error:?}")),
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("policy", &self.shared.policy)
            .field("registries", &self.shared.registries)
            .finish_non_exhaustive()
    }
}
