//! From declarations and given values to the replacer of the first pass.

use std::collections::HashMap;
use std::collections::HashSet;

use windlass_api::tekton::Param;
use windlass_api::tekton::ParamSpec;
use windlass_api::tekton::ParamType;
use windlass_api::tekton::ParamValue;

use super::error::Error;
use super::kinds::declared_type;
use super::names::parameter;
use super::names::pipeline_bases;
use super::names::task_bases;
use crate::substitution::Expansion;
use crate::substitution::MAX_EXPANSION;
use crate::substitution::Replacer;
use crate::substitution::variables;

/// How many defaults may stand on one another; upstream's bound.
const MAX_DEPTH: usize = 10;

/// Whose parameters they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A task's: `inputs.params.x` is understood too, and a default that cannot be resolved stays as it is written.
    Task,
    /// A pipeline's: a default that cannot be resolved is an error.
    Pipeline,
    /// A `StepAction`'s: written like a task's, strict like a pipeline's.
    StepAction,
}

/// The values of all parameters under all their names.
///
/// What is given wins over defaults, an object key by key; given parameters that nobody declared count too. A default
/// may use other parameters, and sees their final values.
pub fn replacer(scope: Scope, declared: &[ParamSpec], given: &[Param]) -> Result<Replacer<'static>, Error> {
    let mut resolver = Resolver {
        scope,
        replacer: Replacer::new(),
        pending: HashMap::new(),
        visiting: HashSet::new(),
        budget: MAX_EXPANSION,
    };
    let by_name: HashMap<&str, &ParamValue> = given
        .iter()
        .map(|param| (param.name.as_str(), &param.value))
        .collect();
    for param in given {
        resolver.bind(&param.name, &param.value);
    }
    resolver.pending = declared
        .iter()
        .filter(|spec| declared_type(spec) == ParamType::String && !by_name.contains_key(spec.name.as_str()))
        .filter_map(|spec| Some((spec.name.as_str(), spec.default.as_ref()?.as_str()?)))
        .collect();
    for spec in declared {
        resolver.string(&spec.name, 0)?;
    }
    for spec in declared {
        resolver.structured(spec, by_name.get(spec.name.as_str()).copied())?;
    }
    Ok(resolver.replacer)
}

struct Resolver<'a> {
    scope: Scope,
    replacer: Replacer<'static>,
    /// Defaults of strings that are not bound yet.
    pending: HashMap<&'a str, &'a str>,
    visiting: HashSet<&'a str>,
    budget: usize,
}

impl Resolver<'_> {
    fn bind(&mut self, name: &str, value: &ParamValue) {
        let bases = match self.scope {
            Scope::Task | Scope::StepAction => task_bases(name),
            Scope::Pipeline => pipeline_bases(name),
        };
        self.replacer.value(&bases, value);
    }

    fn expand(&mut self, text: &str) -> Result<String, Error> {
        let mut pass = Expansion::with_limit(&self.replacer, self.budget);
        let out = pass.text(text).map_err(Error::Expand)?;
        self.budget = self.budget.saturating_sub(pass.spent());
        Ok(out)
    }

    fn string(&mut self, name: &str, depth: usize) -> Result<(), Error> {
        let Some((&name, &text)) = self.pending.get_key_value(name) else {
            return Ok(());
        };
        if !self.visiting.insert(name) {
            return self.give_up(|| Error::Circular {
                param: format!("params.{name}"),
            });
        }
        if depth > MAX_DEPTH {
            self.visiting.remove(name);
            return self.give_up(|| Error::TooDeep {
                param: format!("params.{name}"),
                limit: MAX_DEPTH,
            });
        }
        for variable in variables(text) {
            self.reference(name, variable, depth)?;
        }
        self.visiting.remove(name);
        let value = self.expand(text)?;
        self.pending.remove(name);
        self.bind(name, &ParamValue::String(value));
        Ok(())
    }

    fn reference(&mut self, from: &str, variable: &str, depth: usize) -> Result<(), Error> {
        let Some(name) = parameter(variable) else {
            return Ok(());
        };
        if self.replacer.get_string(variable).is_some() {
            return Ok(());
        }
        if self.pending.contains_key(name) {
            return self.string(name, depth + 1);
        }
        self.give_up(|| Error::Undefined {
            param: format!("params.{from}"),
            reference: format!("params.{name}"),
        })
    }

    /// A task's default stays as written where a pipeline's is refused.
    fn give_up(&self, error: impl FnOnce() -> Error) -> Result<(), Error> {
        match self.scope {
            Scope::Task => Ok(()),
            Scope::Pipeline | Scope::StepAction => Err(error()),
        }
    }

    fn structured(&mut self, spec: &ParamSpec, given: Option<&ParamValue>) -> Result<(), Error> {
        match (&spec.default, given) {
            (Some(ParamValue::Array(items)), None) => {
                let items = items
                    .iter()
                    .map(|item| self.expand(item))
                    .collect::<Result<_, _>>()?;
                self.bind(&spec.name, &ParamValue::Array(items));
            }
            // A step may hand its action a text where that declares an object; the keys of the default then stand.
            (Some(ParamValue::Object(fields)), given)
                if self.scope == Scope::StepAction
                    || !matches!(given, Some(ParamValue::String(_) | ParamValue::Array(_))) =>
            {
                let mut merged = fields
                    .iter()
                    .map(|(key, text)| Ok((key.clone(), self.expand(text)?)))
                    .collect::<Result<std::collections::BTreeMap<_, _>, Error>>()?;
                if let Some(ParamValue::Object(given)) = given {
                    merged.extend(given.clone());
                }
                self.bind(&spec.name, &ParamValue::Object(merged));
            }
            _ => {}
        }
        Ok(())
    }
}
