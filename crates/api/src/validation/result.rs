//! Results of tasks and steps.

use std::collections::BTreeMap;

use super::place::Place;
use super::violation::Check;
use super::violation::INVALID_NAME;
use super::violation::INVALID_VALUE;
use super::violation::Violation;
use crate::names::is_dns_label;
use crate::names::is_result_name;
use crate::tekton::ParamValue;
use crate::tekton::params::PropertySpec;
use crate::tekton::task::StepResult;
use crate::tekton::task::TaskResult;

const NAME_RULE: &str = "must consist of alphanumeric characters, '-', '_', and must start and end with an alphanumeric \
     character (e.g. 'MyName',  or 'my-name',  or 'my_name', regex used for validation is \
     '^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$')";

impl Check<'_> {
    pub(super) fn task_results(&mut self, at: &Place<'_>, results: &[TaskResult]) {
        for (index, result) in results.iter().enumerate() {
            let place = at.index(index);
            if !is_result_name(&result.name) {
                self.result_name(&place, &result.name);
                continue;
            }
            match result.r#type.as_str() {
                "object" => self.object_result(&place, &result.name, &result.properties, "The"),
                "array" | "string" | "" => {}
                other => {
                    let at = place.field("type");
                    self.add(Violation::invalid(&at, other).details("type must be string"));
                }
            }
            self.result_value(&place, result);
        }
    }

    pub(super) fn step_results(&mut self, at: &Place<'_>, results: &[StepResult]) {
        let at = at.field("results");
        for (index, result) in results.iter().enumerate() {
            let place = at.index(index);
            if !is_result_name(&result.name) {
                self.result_name(&place, &result.name);
                continue;
            }
            match result.r#type.as_str() {
                "object" => self.object_result(&place, &result.name, &result.properties, "the"),
                "array" | "string" | "" => {}
                other => {
                    let at = place.field("type");
                    self.add(Violation::invalid(&at, other).details(format!("invalid type {other}")));
                }
            }
        }
    }

    fn result_name(&mut self, at: &Place<'_>, name: &str) {
        let violation = Violation::new(
            INVALID_NAME,
            &at.field("name"),
            format!("invalid key name {name:?}"),
        );
        self.add(violation.details(format!("Name {NAME_RULE}")));
    }

    fn object_result(
        &mut self,
        at: &Place<'_>,
        name: &str,
        properties: &BTreeMap<String, PropertySpec>,
        article: &str,
    ) {
        let mut violation = if properties.is_empty() {
            Violation::missing(&at.field("properties"))
        } else {
            let invalid = properties
                .iter()
                .filter(|(_, property)| property.r#type != "string");
            let invalid: Vec<&str> = invalid.map(|(key, _)| key.as_str()).collect();
            if invalid.is_empty() {
                return;
            }
            let keys = invalid.join(" ");
            let message = format!(
                "{article} value type specified for these keys [{keys}] is invalid, the type must be string"
            );
            Violation::new(INVALID_VALUE, &at.field("properties"), message)
        };
        violation.printed = vec![format!("{}.{name}.properties", at.printed())];
        self.add(violation);
    }

    /// A task's result may be the result of one of its steps.
    fn result_value(&mut self, at: &Place<'_>, result: &TaskResult) {
        let Some(value) = &result.value else { return };
        let ParamValue::String(text) = value else {
            let message = format!(
                "Invalid Type. Wanted string but got: \"{}\"",
                value.kind().as_str()
            );
            let mut violation = Violation::new(INVALID_VALUE, &at.field("value"), message);
            violation.printed = vec![format!("{}.{}.type", at.printed(), result.name)];
            self.add(violation);
            return;
        };
        if text.is_empty() {
            return;
        }
        let mut add = |code, message: String, details: String| {
            let mut violation = Violation::new(code, &at.field("value"), message).details(details);
            violation.printed = vec![format!("{}.{}.value", at.printed(), result.name)];
            self.add(violation);
        };
        let Some((step, name)) = step_result(text) else {
            let message = format!(
                "Could not extract step name and result name. Expected value to look like \
                 $(steps.<stepName>.results.<resultName>) but got \"{text}\""
            );
            return add(INVALID_VALUE, message, String::new());
        };
        if !is_dns_label(step) {
            let details = "stepName in $(steps.<stepName>.results.<resultName>) must be a valid DNS Label, For more \
                           info refer to https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#names";
            add(
                INVALID_NAME,
                format!("invalid extracted step name {step:?}"),
                details.to_owned(),
            );
        }
        if !is_result_name(name) {
            let details = format!("resultName in $(steps.<stepName>.results.<resultName>) {NAME_RULE}");
            add(
                INVALID_NAME,
                format!("invalid extracted result name {name:?}"),
                details,
            );
        }
    }
}

/// The step and result of the first `$(steps.<step>.results.<result>)` in a text.
fn step_result(text: &str) -> Option<(&str, &str)> {
    text.split("$(steps.").skip(1).find_map(|rest| {
        let line = rest.split('\n').next()?;
        let (step, rest) = line.split_once(".results.")?;
        rest.split_once(')').map(|(result, _)| (step, result))
    })
}
