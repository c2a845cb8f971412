//! Looking at texts without changing them.

use std::convert::Infallible;

use windlass_api::tekton::ParamValue;
use windlass_api::tekton::WhenExpression;

use super::slots::Visitor;

/// Calls a function with every text it is shown.
#[derive(Debug)]
pub struct Collect<F>(pub F);

impl<F: FnMut(&str)> Collect<F> {
    /// Calls the function with every text of a value.
    pub fn look_at(&mut self, value: &ParamValue) {
        match value {
            ParamValue::String(text) => (self.0)(text),
            ParamValue::Array(items) => items.iter().for_each(|item| (self.0)(item)),
            ParamValue::Object(fields) => fields.values().for_each(|text| (self.0)(text)),
        }
    }
}

impl<F: FnMut(&str)> Visitor for Collect<F> {
    type Error = Infallible;

    fn text(&mut self, text: &mut String) -> Result<(), Infallible> {
        (self.0)(text);
        Ok(())
    }

    fn list(&mut self, items: &mut Vec<String>) -> Result<(), Infallible> {
        for item in items {
            (self.0)(item);
        }
        Ok(())
    }

    fn value(&mut self, value: &mut ParamValue) -> Result<(), Infallible> {
        self.look_at(value);
        Ok(())
    }

    fn when(&mut self, when: &mut WhenExpression) -> Result<(), Infallible> {
        (self.0)(&when.input);
        when.values.iter().for_each(|value| (self.0)(value));
        (self.0)(&when.cel);
        Ok(())
    }
}
