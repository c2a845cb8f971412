//! Types of parameters and results.

use std::collections::BTreeMap;

use super::config::Defaults;
use super::object::SetDefaults;
use crate::tekton::ParamSpec;
use crate::tekton::ParamType;
use crate::tekton::ParamValue;
use crate::tekton::params::PropertySpec;
use crate::tekton::task::StepResult;
use crate::tekton::task::TaskResult;

impl SetDefaults for ParamSpec {
    /// The type is the one given, else `object` when there are properties, else the type of the default, else `string`.
    fn set_defaults(&mut self, _: &Defaults) {
        if self.r#type.is_empty() {
            let inferred = if self.properties.is_empty() {
                self.default.as_ref().map_or(ParamType::String, ParamValue::kind)
            } else {
                ParamType::Object
            };
            inferred.as_str().clone_into(&mut self.r#type);
        }
        default_properties(&mut self.properties);
    }
}

impl SetDefaults for TaskResult {
    fn set_defaults(&mut self, _: &Defaults) {
        default_result(&mut self.r#type, &mut self.properties);
    }
}

impl SetDefaults for StepResult {
    fn set_defaults(&mut self, _: &Defaults) {
        default_result(&mut self.r#type, &mut self.properties);
    }
}

fn default_result(result_type: &mut String, properties: &mut BTreeMap<String, PropertySpec>) {
    if result_type.is_empty() {
        let inferred = if properties.is_empty() {
            ParamType::String
        } else {
            ParamType::Object
        };
        inferred.as_str().clone_into(result_type);
    }
    default_properties(properties);
}

fn default_properties(properties: &mut BTreeMap<String, PropertySpec>) {
    for property in properties
        .values_mut()
        .filter(|property| property.r#type.is_empty())
    {
        ParamType::String.as_str().clone_into(&mut property.r#type);
    }
}

/// Sets the defaults of each element.
pub(super) fn each<T: SetDefaults>(items: &mut [T], defaults: &Defaults) {
    for item in items {
        item.set_defaults(defaults);
    }
}
