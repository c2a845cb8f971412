//! The type of a declared parameter.

use windlass_api::tekton::ParamSpec;
use windlass_api::tekton::ParamType;
use windlass_api::tekton::ParamValue;

/// The declared type; without one, properties make an object, else the default decides, else it is a string.
pub fn declared_type(spec: &ParamSpec) -> ParamType {
    match spec.r#type.as_str() {
        "array" => ParamType::Array,
        "object" => ParamType::Object,
        "" if !spec.properties.is_empty() => ParamType::Object,
        "" => spec.default.as_ref().map_or(ParamType::String, ParamValue::kind),
        _ => ParamType::String,
    }
}
