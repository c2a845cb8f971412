//! Guards.

use super::params::Scope;
use super::place::Place;
use super::variables::variables;
use super::violation::Check;
use super::violation::FEATURE_DISABLED;
use super::violation::ONE_OF;
use super::violation::Violation;
use crate::tekton::ParamType;
use crate::tekton::WhenExpression;

impl Check<'_> {
    /// The form of guards. Whether a CEL expression compiles is found out when its variables are known.
    pub(super) fn when_expressions(&mut self, at: &Place<'_>, when: &[WhenExpression]) {
        let at = at.field("when");
        for (index, when) in when.iter().enumerate() {
            self.when_expression(&at.index(index), when);
        }
    }

    fn when_expression(&mut self, at: &Place<'_>, when: &WhenExpression) {
        if !when.cel.is_empty() {
            self.cel_expression(at, when);
        } else if when == &WhenExpression::default() {
            self.add(Violation::missing(at).hint("give input, operator and values"));
        } else if !["in", "notin"].contains(&when.operator.as_str()) {
            let value = format!(
                "operator {:?} is not recognized. valid operators: in,notin",
                when.operator
            );
            self.add(Violation::invalid(at, value));
        } else if when.values.is_empty() {
            self.add(Violation::invalid(at, "expecting non-empty values field"));
        }
    }

    fn cel_expression(&mut self, at: &Place<'_>, when: &WhenExpression) {
        if !self.flags.enable_cel_in_when_expression {
            let message = format!(
                "feature flag enable-cel-in-whenexpression should be set to true to use CEL: {} in WhenExpression",
                when.cel
            );
            self.add(Violation::new(FEATURE_DISABLED, at, message));
        } else if !when.input.is_empty() || !when.operator.is_empty() || !when.values.is_empty() {
            let message = format!(
                "cel and input+operator+values cannot be set in one WhenExpression: &{{{} {} [{}] {}}}",
                when.input,
                when.operator,
                when.values.join(" "),
                when.cel
            );
            self.add(Violation::new(ONE_OF, at, message).pathless());
        }
    }

    /// Requires that guards refer to parameters of the scope.
    pub(super) fn when_params(&mut self, at: &Place<'_>, when: &[WhenExpression], scope: &Scope<'_>) {
        let at = at.field("when");
        for (index, when) in when.iter().enumerate() {
            let at = at.index(index);
            self.string_text(&at.field("input"), &when.input, scope);
            let values_at = at.field("values");
            for (index, value) in when.values.iter().enumerate() {
                let value_at = values_at.unprinted_index(index);
                let first = variables(value, "params")
                    .first()
                    .map(|variable| variable.name.to_owned());
                let name = first.as_deref().and_then(|name| name.strip_suffix("[*]"));
                if name.is_some_and(|name| scope.is(name, ParamType::Array)) {
                    self.element_text(&value_at, value, scope);
                } else {
                    self.string_text(&value_at, value, scope);
                }
            }
        }
    }
}
