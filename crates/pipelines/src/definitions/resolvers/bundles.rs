//! The bundles resolver: an object of an image in a registry.

use std::sync::Arc;

use windlass_api::Object;
use windlass_api::core::Secret;
use windlass_api::core::ServiceAccount;
use windlass_api::tekton::provenance::RefSource;
use windlass_fetch::Limits;
use windlass_fetch::bundle;
use windlass_fetch::oci::Keyring;
use windlass_fetch::oci::Reference;

use super::params::Params;
use super::remote::object;
use crate::definitions::Definitions;
use crate::definitions::Error;

/// The kind upstream takes when none is named.
const DEFAULT_KIND: &str = "task";

pub(super) async fn resolve(
    definitions: &Definitions,
    namespace: &str,
    params: &Params<'_>,
) -> Result<(Object, RefSource), Error> {
    params.only(&["bundle", "name", "kind", "secret", "serviceAccount", "cache"])?;
    let bundle: Reference = params
        .require("bundle")?
        .parse()
        .map_err(|error| params.problem(format!("invalid bundle reference: {error}")))?;
    let request = bundle::Request {
        bundle,
        kind: params.get("kind").unwrap_or(DEFAULT_KIND).to_owned(),
        name: params.require("name")?.to_owned(),
        keyring: keyring(definitions, namespace, params).await?.into(),
        limits: Limits::default(),
    };
    let fetched = definitions.fetcher.bundle(&request, params.cache_mode()?).await;
    object(params.resolver, fetched)
}

/// The logins of the secret that is named, and of those that the named service account pulls images with.
async fn keyring(definitions: &Definitions, namespace: &str, params: &Params<'_>) -> Result<Keyring, Error> {
    let mut keyring = Keyring::default();
    if let Some(name) = params.get("secret") {
        let secret = secret(definitions, namespace, name).await?;
        let missing = || params.problem(format!("secret {name:?} not found in namespace {namespace:?}"));
        let secret = secret.ok_or_else(missing)?;
        let logins = logins(&secret).map_err(|problem| params.problem(problem))?;
        keyring = keyring.and(logins);
    }
    let Some(account) = params.get("serviceAccount") else {
        return Ok(keyring);
    };
    let found = definitions
        .client
        .find::<ServiceAccount>(namespace, account)
        .await;
    let missing = || {
        params.problem(format!(
            "service account {account:?} not found in namespace {namespace:?}"
        ))
    };
    let found = found.map_err(Error::Plane)?.ok_or_else(missing)?;
    for reference in &found.image_pull_secrets {
        // As in a cluster, one that is not there yet is passed over.
        if let Some(secret) = secret(definitions, namespace, &reference.name).await? {
            let logins = logins(&secret).map_err(|problem| params.problem(problem))?;
            keyring = keyring.and(logins);
        }
    }
    Ok(keyring)
}

async fn secret(
    definitions: &Definitions,
    namespace: &str,
    name: &str,
) -> Result<Option<Arc<Secret>>, Error> {
    let found = definitions.client.find::<Secret>(namespace, name).await;
    found.map_err(Error::Plane)
}

/// The logins in a secret, or what is wrong with it.
fn logins(secret: &Secret) -> Result<Keyring, String> {
    let key = match secret.r#type.as_str() {
        "kubernetes.io/dockerconfigjson" => ".dockerconfigjson",
        "kubernetes.io/dockercfg" => ".dockercfg",
        other => {
            return Err(format!(
                "secret {:?} has type {other:?}, and logins for registries are in one of kubernetes.io/dockerconfigjson",
                secret.metadata.name
            ));
        }
    };
    let bytes = secret
        .bytes(key)
        .map_err(|_| format!("secret {:?} has no key {key:?}", secret.metadata.name))?;
    let read = if key == ".dockercfg" {
        Keyring::of_dockercfg(&bytes)
    } else {
        Keyring::of_pull_secret(&bytes)
    };
    read.map_err(|error| format!("secret {:?}: {error}", secret.metadata.name))
}
