//! The values of one pass.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;

use windlass_api::tekton::ParamValue;

/// Values by the exact text between `$(` and `)`.
///
/// A name holding `)` or `$(` is never found. A replacer may stand in front of another one: what it knows wins, what it
/// hides is gone, everything else comes from behind.
#[derive(Clone, Debug, Default)]
pub struct Replacer<'a> {
    strings: HashMap<String, String>,
    arrays: HashMap<String, Arc<[String]>>,
    objects: HashMap<String, Arc<BTreeMap<String, String>>>,
    hidden: HashSet<String>,
    longest_hidden: usize,
    behind: Option<&'a Replacer<'a>>,
}

impl<'a> Replacer<'a> {
    /// A replacer without values.
    pub fn new() -> Self {
        Self::default()
    }

    /// A replacer without values of its own, in front of another one.
    pub fn in_front_of(behind: &'a Replacer<'a>) -> Self {
        Self {
            behind: Some(behind),
            ..Self::default()
        }
    }

    /// Gives one name a string.
    pub fn string(&mut self, name: impl Into<String>, value: impl Into<String>) -> &mut Self {
        self.strings.insert(name.into(), value.into());
        self
    }

    /// Gives a value all its names: the base itself, `[*]`, `[i]` of an array and `.key` of an object.
    ///
    /// The bases are the ways to write the same name, for instance `params.x` and `params['x']`. Keys of objects are
    /// reached through the first base only.
    pub fn value(&mut self, bases: &[String], value: &ParamValue) -> &mut Self {
        match value {
            ParamValue::String(text) => {
                for base in bases {
                    self.strings.insert(base.clone(), text.clone());
                }
            }
            ParamValue::Array(items) => {
                let items: Arc<[String]> = items.as_slice().into();
                for base in bases {
                    self.arrays.insert(base.clone(), Arc::clone(&items));
                }
            }
            ParamValue::Object(fields) => {
                let shared = Arc::new(fields.clone());
                for base in bases {
                    self.objects.insert(base.clone(), Arc::clone(&shared));
                }
                if let Some(base) = bases.first() {
                    for (key, text) in fields {
                        self.strings.insert(format!("{base}.{key}"), text.clone());
                    }
                }
            }
        }
        self
    }

    /// Hides a base, its elements and its keys in the replacers behind.
    pub fn hide(&mut self, base: impl Into<String>) -> &mut Self {
        let base = base.into();
        self.longest_hidden = self.longest_hidden.max(base.len());
        self.hidden.insert(base);
        self
    }

    /// Whether nothing can be replaced.
    pub fn is_empty(&self) -> bool {
        self.strings.is_empty()
            && self.arrays.is_empty()
            && self.objects.is_empty()
            && self.behind.is_none_or(Replacer::is_empty)
    }

    /// The string of a name, an element of an array included.
    pub fn get_string(&self, name: &str) -> Option<&str> {
        self.strings
            .get(name)
            .map(String::as_str)
            .or_else(|| self.element(name))
            .or_else(|| self.behind_of(name)?.get_string(name))
    }

    /// The array of a name, which is written without `[*]`.
    pub fn get_array(&self, name: &str) -> Option<&[String]> {
        self.arrays
            .get(name)
            .map(AsRef::as_ref)
            .or_else(|| self.behind_of(name)?.get_array(name))
    }

    /// The object of a name, which is written without `[*]`.
    pub fn get_object(&self, name: &str) -> Option<&BTreeMap<String, String>> {
        self.objects
            .get(name)
            .map(AsRef::as_ref)
            .or_else(|| self.behind_of(name)?.get_object(name))
    }

    fn element(&self, name: &str) -> Option<&str> {
        if self.arrays.is_empty() {
            return None;
        }
        let (base, index) = split_index(name)?;
        self.arrays.get(base)?.get(index).map(String::as_str)
    }

    fn behind_of(&self, name: &str) -> Option<&'a Replacer<'a>> {
        let behind = self.behind?;
        let hidden = !self.hidden.is_empty()
            && name
                .char_indices()
                .take_while(|(at, _)| *at <= self.longest_hidden)
                .filter(|(_, next)| matches!(next, '.' | '['))
                .map(|(at, _)| at)
                .chain([name.len()])
                .filter_map(|at| name.get(..at))
                .any(|base| self.hidden.contains(base));
        (!hidden).then_some(behind)
    }
}

/// Splits `name[7]`; only the canonical spelling of a number counts, as upstream's `[%d]`.
fn split_index(name: &str) -> Option<(&str, usize)> {
    let (base, digits) = name.strip_suffix(']')?.rsplit_once('[')?;
    let canonical =
        digits == "0" || (!digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit()));
    if !canonical {
        return None;
    }
    Some((base, digits.parse().ok()?))
}
