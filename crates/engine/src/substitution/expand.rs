//! One pass over texts and fields, bounded in size.

use windlass_api::tekton::ParamValue;
use windlass_api::tekton::WhenExpression;

use super::error::Error;
use super::replacer::Replacer;
use super::scan::isolated;
use super::scan::variables;
use super::slots::Visitor;
use crate::results::json_text;

/// Upper bound, in bytes, of what values add to one spec: 16 MiB, a thousand times the largest spec seen in practice.
pub const MAX_EXPANSION: usize = 16 << 20;

/// One pass: replaces what its replacer knows and counts what that adds.
#[derive(Debug)]
pub struct Expansion<'a> {
    replacer: &'a Replacer<'a>,
    limit: usize,
    spent: usize,
}

impl<'a> Expansion<'a> {
    /// A pass that may add [`MAX_EXPANSION`] bytes.
    pub fn new(replacer: &'a Replacer<'a>) -> Self {
        Self::with_limit(replacer, MAX_EXPANSION)
    }

    /// A pass that may add so many bytes.
    pub fn with_limit(replacer: &'a Replacer<'a>, limit: usize) -> Self {
        Self {
            replacer,
            limit,
            spent: 0,
        }
    }

    /// The text with all known variables replaced; unknown ones stay.
    pub fn text(&mut self, text: &str) -> Result<String, Error> {
        Ok(self.changed(text)?.unwrap_or_else(|| text.to_owned()))
    }

    /// The texts with all known variables replaced; an element that is an array's variable becomes its elements.
    pub fn list(&mut self, items: &[String]) -> Result<Vec<String>, Error> {
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            match self.splice(item)? {
                Some(elements) => out.extend_from_slice(elements),
                None => out.push(self.text(item)?),
            }
        }
        Ok(out)
    }

    /// Bytes that values have added so far.
    pub fn spent(&self) -> usize {
        self.spent
    }

    /// Goes on with another replacer under the same bound.
    pub fn with<T>(
        &mut self,
        replacer: &Replacer<'_>,
        visit: impl FnOnce(&mut Expansion<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut inner = Expansion {
            replacer,
            limit: self.limit,
            spent: self.spent,
        };
        let value = visit(&mut inner)?;
        self.spent = inner.spent;
        Ok(value)
    }

    fn charge(&mut self, bytes: usize) -> Result<(), Error> {
        self.spent = self.spent.saturating_add(bytes);
        if self.spent > self.limit {
            return Err(Error::TooLarge { limit: self.limit });
        }
        Ok(())
    }

    fn changed(&mut self, text: &str) -> Result<Option<String>, Error> {
        if !text.contains("$(") {
            return Ok(None);
        }
        let mut out = String::new();
        let mut copied = 0;
        let mut rest = variables(text);
        while let Some((start, end, name)) = rest.next_span() {
            let Some(value) = self.replacer.get_string(name) else {
                continue;
            };
            self.charge(value.len())?;
            out.push_str(text.get(copied..start).unwrap_or_default());
            out.push_str(value);
            copied = end;
        }
        if copied == 0 {
            return Ok(None);
        }
        out.push_str(text.get(copied..).unwrap_or_default());
        Ok(Some(out))
    }

    fn splice(&mut self, item: &str) -> Result<Option<&'a [String]>, Error> {
        let Some(elements) = isolated(item).and_then(|name| self.replacer.get_array(name)) else {
            return Ok(None);
        };
        self.charge(size(elements))?;
        Ok(Some(elements))
    }
}

/// Bytes of all elements; each counts at least as much as the string that holds it.
fn size<'t>(items: impl IntoIterator<Item = &'t String>) -> usize {
    items
        .into_iter()
        .map(|item| item.len() + size_of::<String>())
        .sum()
}

impl Visitor for Expansion<'_> {
    type Error = Error;

    fn text(&mut self, text: &mut String) -> Result<(), Error> {
        if let Some(changed) = self.changed(text)? {
            *text = changed;
        }
        Ok(())
    }

    fn list(&mut self, items: &mut Vec<String>) -> Result<(), Error> {
        if items.iter().any(|item| item.contains("$(")) {
            *items = Expansion::list(self, items)?;
        }
        Ok(())
    }

    fn value(&mut self, value: &mut ParamValue) -> Result<(), Error> {
        match value {
            ParamValue::String(text) => {
                let whole = isolated(text);
                if let Some(items) = whole.and_then(|name| self.replacer.get_array(name)) {
                    self.charge(size(items))?;
                    *value = ParamValue::Array(items.to_vec());
                } else if let Some(fields) = whole.and_then(|name| self.replacer.get_object(name)) {
                    self.charge(size(fields.keys()).saturating_add(size(fields.values())))?;
                    *value = ParamValue::Object(fields.clone());
                } else {
                    Visitor::text(self, text)?;
                }
            }
            ParamValue::Array(items) => Visitor::list(self, items)?,
            ParamValue::Object(fields) => {
                for text in fields.values_mut() {
                    Visitor::text(self, text)?;
                }
            }
        }
        Ok(())
    }

    fn when(&mut self, when: &mut WhenExpression) -> Result<(), Error> {
        match self.splice(&when.input)? {
            Some(items) => when.input = json_text(items),
            None => Visitor::text(self, &mut when.input)?,
        }
        Visitor::list(self, &mut when.values)?;
        Visitor::text(self, &mut when.cel)
    }
}
