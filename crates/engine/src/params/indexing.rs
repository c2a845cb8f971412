//! Finding elements of arrays that are used beyond the end.

use std::collections::BTreeSet;
use std::collections::HashMap;

use windlass_api::tekton::Param;
use windlass_api::tekton::ParamSpec;
use windlass_api::tekton::ParamValue;

use super::names::parameter;
use crate::substitution::variables;

/// Collects references such as `$(params.list[7])` where the list is shorter.
pub(super) struct Indexing<'a> {
    lengths: HashMap<&'a str, usize>,
    beyond: BTreeSet<String>,
}

impl<'a> Indexing<'a> {
    /// Knows the arrays that are given and the defaults of the others.
    pub(super) fn new(declared: &'a [ParamSpec], given: &'a [Param]) -> Self {
        let defaults = declared
            .iter()
            .filter_map(|spec| Some((spec.name.as_str(), spec.default.as_ref()?)));
        let values = given.iter().map(|param| (param.name.as_str(), &param.value));
        let lengths = defaults
            .chain(values)
            .filter_map(|(name, value)| match value {
                ParamValue::Array(items) => Some((name, items.len())),
                ParamValue::String(_) | ParamValue::Object(_) => None,
            })
            .collect();
        Self {
            lengths,
            beyond: BTreeSet::new(),
        }
    }

    /// Whether there is nothing to look for.
    pub(super) fn is_idle(&self) -> bool {
        self.lengths.is_empty()
    }

    /// The references beyond the end, sorted, as written.
    pub(super) fn into_references(self) -> Vec<String> {
        self.beyond.into_iter().collect()
    }

    pub(super) fn look(&mut self, text: &str) {
        for variable in variables(text) {
            if self.is_beyond(variable) == Some(true) {
                self.beyond.insert(format!("$({variable})"));
            }
        }
    }

    fn is_beyond(&self, variable: &str) -> Option<bool> {
        let (base, index) = variable.strip_suffix(']')?.rsplit_once('[')?;
        if index.is_empty() || !index.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let length = *self.lengths.get(parameter(base)?)?;
        // A number too long for the machine is beyond every end.
        Some(index.parse::<usize>().map_or(true, |index| index >= length))
    }
}
