//! Files made from `ConfigMap`s, `Secret`s, projections and the downward API. Pure.

use std::collections::BTreeMap;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use windlass_api::core::ConfigMap;
use windlass_api::core::DownwardApiFile;
use windlass_api::core::FieldRef;
use windlass_api::core::KeyToPath;
use windlass_api::core::Secret;
use windlass_api::core::VolumeProjection;
use windlass_executor::job;

use super::needs::Found;

/// Permission bits of a file that names none.
const DEFAULT_MODE: i32 = 0o644;

/// Why a pod could not be made; the message is what a kubelet would say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ConfigError(pub(crate) String);

/// What the downward API can show of an attempt.
#[derive(Clone, Debug, Default)]
pub(crate) struct PodFields {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) uid: String,
    pub(crate) service_account: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
}

impl PodFields {
    /// The value of a field; `None` when it is unknown.
    pub(crate) fn get(&self, field: &FieldRef) -> Option<String> {
        let all = |map: &BTreeMap<String, String>| {
            let lines: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{key}={value:?}\n"))
                .collect();
            lines.concat()
        };
        let one = |map: &BTreeMap<String, String>, key: &str| {
            map.get(key.trim_matches(['\'', '"']))
                .cloned()
                .unwrap_or_default()
        };
        let path = field.field_path.as_str();
        let subscript = |prefix: &str| path.strip_prefix(prefix)?.strip_suffix(']');
        Some(match path {
            "metadata.name" => self.name.clone(),
            "metadata.namespace" => self.namespace.clone(),
            "metadata.uid" => self.uid.clone(),
            "metadata.labels" => all(&self.labels),
            "metadata.annotations" => all(&self.annotations),
            "spec.serviceAccountName" => self.service_account.clone(),
            "spec.nodeName" => "localhost".to_owned(),
            "status.hostIP" | "status.podIP" => "127.0.0.1".to_owned(),
            _ => match (subscript("metadata.labels["), subscript("metadata.annotations[")) {
                (Some(key), _) => one(&self.labels, key),
                (None, Some(key)) => one(&self.annotations, key),
                (None, None) => return None,
            },
        })
    }
}

/// Bytes by key of a `ConfigMap`; what is no base64 is left out, as admission lets none through.
pub(crate) fn config_map_data(config_map: &ConfigMap) -> BTreeMap<String, Vec<u8>> {
    owned(config_map.entries().unwrap_or_default())
}

/// Bytes by key of a `Secret`; what is no base64 is left out, as admission lets none through.
pub(crate) fn secret_data(secret: &Secret) -> BTreeMap<String, Vec<u8>> {
    owned(secret.entries().unwrap_or_default())
}

fn owned(entries: BTreeMap<&str, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    entries
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

/// Files of an object's keys.
pub(crate) fn keyed(
    data: &BTreeMap<String, Vec<u8>>,
    items: &[KeyToPath],
    default_mode: Option<i32>,
    what: &str,
    optional: bool,
) -> Result<Vec<job::File>, ConfigError> {
    let default_mode = default_mode.unwrap_or(DEFAULT_MODE);
    if items.is_empty() {
        return data
            .iter()
            .map(|(key, content)| file(key, content, default_mode))
            .collect();
    }
    let mut files = Vec::with_capacity(items.len());
    for item in items {
        match data.get(&item.key) {
            Some(content) => files.push(file(&item.path, content, item.mode.unwrap_or(default_mode))?),
            None if optional => {}
            None => {
                return Err(ConfigError(format!(
                    "{what} references non-existent config key: {}",
                    item.key
                )));
            }
        }
    }
    Ok(files)
}

/// Files of the downward API.
pub(crate) fn downward(
    items: &[DownwardApiFile],
    default_mode: Option<i32>,
    fields: &PodFields,
) -> Result<Vec<job::File>, ConfigError> {
    let mut files = Vec::with_capacity(items.len());
    for item in items {
        let Some(field) = &item.field_ref else { continue };
        let value = fields
            .get(field)
            .ok_or_else(|| ConfigError(format!("field path {:?} is not supported", field.field_path)))?;
        files.push(file(
            &item.path,
            value.as_bytes(),
            item.mode.or(default_mode).unwrap_or(DEFAULT_MODE),
        )?);
    }
    Ok(files)
}

/// Files of one source of a projected volume.
pub(crate) fn projected(
    source: &VolumeProjection,
    default_mode: Option<i32>,
    found: &Found,
    fields: &PodFields,
) -> Result<Vec<job::File>, ConfigError> {
    if let Some(source) = &source.config_map {
        let optional = source.optional.unwrap_or(false);
        let data = config_map(found, &source.name, optional)?;
        return keyed(&data, &source.items, default_mode, "configmap", optional);
    }
    if let Some(source) = &source.secret {
        let optional = source.optional.unwrap_or(false);
        let data = secret(found, &source.name, optional)?;
        return keyed(&data, &source.items, default_mode, "secret", optional);
    }
    match &source.downward_api {
        Some(source) => downward(&source.items, default_mode, fields),
        None => Ok(Vec::new()),
    }
}

/// Data of a `ConfigMap` that was looked up.
pub(crate) fn config_map(
    found: &Found,
    name: &str,
    optional: bool,
) -> Result<BTreeMap<String, Vec<u8>>, ConfigError> {
    match found.config_maps.get(name) {
        Some(config_map) => Ok(config_map_data(config_map)),
        None if optional => Ok(BTreeMap::new()),
        None => Err(ConfigError(format!("configmap {name:?} not found"))),
    }
}

/// Data of a `Secret` that was looked up.
pub(crate) fn secret(
    found: &Found,
    name: &str,
    optional: bool,
) -> Result<BTreeMap<String, Vec<u8>>, ConfigError> {
    match found.secrets.get(name) {
        Some(secret) => Ok(secret_data(secret)),
        None if optional => Ok(BTreeMap::new()),
        None => Err(ConfigError(format!("secret {name:?} not found"))),
    }
}

fn file(path: &str, content: &[u8], mode: i32) -> Result<job::File, ConfigError> {
    let relative = Path::new(path);
    let plain = relative
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if path.is_empty() || !plain {
        return Err(ConfigError(format!(
            "path {path:?} must be relative and must not hold '..'"
        )));
    }
    Ok(job::File {
        path: PathBuf::from(path),
        content: job::Secret::new(content),
        mode: u32::try_from(mode).unwrap_or(0o644) & 0o7777,
    })
}
