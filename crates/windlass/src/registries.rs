//! How this process reaches registries: what its environment says, and this user's logins.

use std::env;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use windlass_fetch::Policy;
use windlass_fetch::oci::Client;
use windlass_fetch::oci::Keyring;
use windlass_fetch::oci::MIRRORS_VARIABLE;
use windlass_fetch::oci::REGISTRIES_VARIABLE;
use windlass_fetch::oci::Registries;

/// The client of registries, with the settings of the environment.
pub(crate) fn client(policy: Policy) -> anyhow::Result<Client> {
    let mut registries = match env::var_os(REGISTRIES_VARIABLE).filter(|path| !path.is_empty()) {
        Some(path) => read(Path::new(&path))?,
        None => Registries::default(),
    };
    if let Ok(mirrors) = env::var(MIRRORS_VARIABLE) {
        registries
            .prefer(&mirrors)
            .with_context(|| format!("read the variable {MIRRORS_VARIABLE}"))?;
    }
    Ok(Client::new(policy, registries)?)
}

fn read(path: &Path) -> anyhow::Result<Registries> {
    let context = || format!("read {}, which {REGISTRIES_VARIABLE} names", path.display());
    let bytes = std::fs::read(path).with_context(context)?;
    Registries::of_yaml(&bytes).with_context(context)
}

/// The logins of this user. What cannot be read is said and left out, since most runs need none.
pub(crate) fn keyring() -> Arc<Keyring> {
    match Keyring::of_machine(|name| env::var_os(name)) {
        Ok(keyring) => Arc::new(keyring),
        Err(error) => {
            tracing::warn!(%error, "no logins for registries");
            Arc::default()
        }
    }
}
