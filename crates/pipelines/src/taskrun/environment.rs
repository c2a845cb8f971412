//! The environment of a container. Pure.

use std::collections::BTreeMap;

use windlass_api::core::EnvFromSource;
use windlass_api::core::EnvVar;
use windlass_executor::backend::expand_env;
use windlass_executor::job;

use super::files::ConfigError;
use super::files::PodFields;
use super::files::config_map;
use super::files::secret;
use super::needs::Found;

/// Variables of a container with every value resolved, and the values among them that are secret.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    variables: Vec<job::EnvVar>,
    index: BTreeMap<String, usize>,
    secrets: Vec<job::Secret>,
}

impl Environment {
    /// Resolves `envFrom`, then `env`, then the pod template's `env`, later ones winning. In each value `$(NAME)` of
    /// what came before is expanded.
    pub(crate) fn resolve(
        from: &[EnvFromSource],
        env: &[EnvVar],
        template: &[EnvVar],
        found: &Found,
        fields: &PodFields,
    ) -> Result<(Vec<job::EnvVar>, Vec<job::Secret>), ConfigError> {
        let mut environment = Self::default();
        for source in from {
            environment.add_all(source, found)?;
        }
        for variable in env.iter().chain(template) {
            if let Some(value) = environment.value(variable, found, fields)? {
                environment.set(&variable.name, value);
            }
        }
        Ok((environment.variables, environment.secrets))
    }

    fn set(&mut self, name: &str, value: String) {
        if let Some(variable) = self
            .index
            .get(name)
            .and_then(|index| self.variables.get_mut(*index))
        {
            variable.value = value;
            return;
        }
        self.index.insert(name.to_owned(), self.variables.len());
        self.variables.push(job::EnvVar {
            name: name.to_owned(),
            value,
        });
    }

    fn get(&self, name: &str) -> Option<&str> {
        let variable = self.variables.get(*self.index.get(name)?)?;
        Some(variable.value.as_str())
    }

    fn add_all(&mut self, source: &EnvFromSource, found: &Found) -> Result<(), ConfigError> {
        let (data, is_secret) = match (&source.config_map_ref, &source.secret_ref) {
            (Some(reference), _) => (
                config_map(found, &reference.name, reference.optional.unwrap_or(false))?,
                false,
            ),
            (None, Some(reference)) => (
                secret(found, &reference.name, reference.optional.unwrap_or(false))?,
                true,
            ),
            (None, None) => return Ok(()),
        };
        for (key, value) in data {
            if is_secret {
                self.secrets.push(job::Secret::new(value.clone()));
            }
            self.set(
                &format!("{}{key}", source.prefix),
                String::from_utf8_lossy(&value).into_owned(),
            );
        }
        Ok(())
    }

    /// The value of a variable; `None` when an optional source does not exist.
    fn value(
        &mut self,
        variable: &EnvVar,
        found: &Found,
        fields: &PodFields,
    ) -> Result<Option<String>, ConfigError> {
        let Some(source) = &variable.value_from else {
            return Ok(Some(expand_env(&variable.value, |name| self.get(name))));
        };
        if let Some(key) = &source.config_map_key_ref {
            let optional = key.optional.unwrap_or(false);
            let data = config_map(found, &key.name, optional)?;
            return text(&data, &key.key, optional, "ConfigMap", &key.name);
        }
        if let Some(key) = &source.secret_key_ref {
            let optional = key.optional.unwrap_or(false);
            let data = secret(found, &key.name, optional)?;
            self.secrets
                .extend(data.get(&key.key).map(|value| job::Secret::new(value.clone())));
            return text(&data, &key.key, optional, "Secret", &key.name);
        }
        if let Some(field) = &source.field_ref {
            let value = fields.get(field);
            let unknown = || ConfigError(format!("field path {:?} is not supported", field.field_path));
            return value.map(Some).ok_or_else(unknown);
        }
        // A resource bound of a container: the machine's own are what holds here.
        Ok(Some("0".to_owned()))
    }
}

fn text(
    data: &BTreeMap<String, Vec<u8>>,
    key: &str,
    optional: bool,
    kind: &str,
    name: &str,
) -> Result<Option<String>, ConfigError> {
    match data.get(key) {
        Some(value) => Ok(Some(String::from_utf8_lossy(value).into_owned())),
        None if optional => Ok(None),
        None => Err(ConfigError(format!("couldn't find key {key} in {kind} {name}"))),
    }
}
