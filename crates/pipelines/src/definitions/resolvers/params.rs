//! A resolver's parameters. Pure.

use windlass_api::tekton::Param;
use windlass_fetch::cache::Mode;

use crate::definitions::Error;

/// Parameters of one resolver.
pub(super) struct Params<'a> {
    pub(super) resolver: &'static str,
    pub(super) params: &'a [Param],
}

impl Params<'_> {
    /// A string parameter; absent and empty are the same.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let param = self.params.iter().find(|param| param.name == name)?;
        param.value.as_str().filter(|value| !value.is_empty())
    }

    /// A parameter that must be there.
    pub(super) fn require(&self, name: &str) -> Result<&str, Error> {
        self.get(name)
            .ok_or_else(|| self.problem(format!("missing required parameter {name:?}")))
    }

    /// Refuses parameters that the resolver does not have, so that a mistyped one is not silently ignored.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Error> {
        match self
            .params
            .iter()
            .find(|param| !known.contains(&param.name.as_str()))
        {
            Some(unknown) => Err(self.problem(format!(
                "unknown parameter {:?}; it takes {}",
                unknown.name,
                known.join(", ")
            ))),
            None => Ok(()),
        }
    }

    /// The `cache` parameter.
    pub(super) fn cache_mode(&self) -> Result<Mode, Error> {
        let mode = self.get("cache").unwrap_or_default();
        mode.parse()
            .map_err(|error: windlass_fetch::cache::InvalidMode| self.problem(error.to_string()))
    }

    /// An error about the parameters.
    pub(super) fn problem(&self, problem: impl Into<String>) -> Error {
        Error::Params {
            resolver: self.resolver,
            problem: problem.into(),
        }
    }
}
