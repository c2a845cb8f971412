//! Reading what a task refers to.

use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::core::ConfigMap;
use windlass_api::core::Secret;
use windlass_api::core::ServiceAccount;
use windlass_runtime::Client;
use windlass_runtime::client::Error;
use windlass_runtime::client::Result;

use super::needs::Found;
use super::needs::Needs;
use crate::claims;
use crate::config::Config;

/// Looks up everything a task needs; what does not exist is left out.
pub(crate) async fn find(
    client: &dyn Client,
    config: &Config,
    namespace: &str,
    service_account: &str,
    mut needs: Needs,
) -> Result<Found> {
    let mut found = Found {
        service_account: client.find::<ServiceAccount>(namespace, service_account).await?,
        ..Found::default()
    };
    let listed = found.service_account.iter().flat_map(|account| &account.secrets);
    needs
        .secrets
        .extend(listed.map(|reference| reference.name.clone()));
    let pulled = found
        .service_account
        .iter()
        .flat_map(|account| &account.image_pull_secrets);
    needs
        .secrets
        .extend(pulled.map(|reference| reference.name.clone()));
    for name in needs.config_maps {
        if let Some(config_map) = client.find::<ConfigMap>(namespace, &name).await? {
            found.config_maps.insert(name, config_map);
        }
    }
    for name in needs.secrets {
        if let Some(secret) = client.find::<Secret>(namespace, &name).await? {
            found.secrets.insert(name, secret);
        }
    }
    if config.cover_all_secrets {
        let listed = client.list(Kind::Secret, Some(namespace)).await?.objects;
        let others = listed.iter().filter_map(Object::get::<Secret>).cloned();
        found.bystanders.extend(others);
    }
    for name in needs.claims {
        if client
            .get(&Key::new(Kind::PersistentVolumeClaim, namespace, name.as_str()))
            .await?
            .is_some()
        {
            let place = claims::provide(config, namespace, &name)
                .map_err(|error| Error::Unavailable(format!("failed to provide claim {name:?}: {error}")))?;
            found.claims.insert(name, place);
        }
    }
    Ok(found)
}
