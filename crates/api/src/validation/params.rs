//! Declarations of parameters, their scopes, and values given to them.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;

use super::place::Place;
use super::variables::variables;
use super::violation::Check;
use super::violation::DUPLICATE_NAME;
use super::violation::FEATURE_DISABLED;
use super::violation::INVALID_NAME;
use super::violation::INVALID_VALUE;
use super::violation::ONE_OF;
use super::violation::UNKNOWN_VARIABLE;
use super::violation::Violation;
use crate::names::is_object_param_name;
use crate::names::is_param_name;
use crate::tekton::Param;
use crate::tekton::ParamSpec;
use crate::tekton::ParamType;
use crate::tekton::ParamValue;

/// What is known of a parameter that texts may refer to.
#[derive(Clone, Debug)]
pub(super) struct Declared<'a> {
    pub(super) kind: ParamType,
    /// Keys of an object.
    pub(super) keys: HashSet<&'a str>,
}

impl<'a> Declared<'a> {
    pub(super) fn by_spec(spec: &'a ParamSpec) -> Self {
        let kind = match spec.r#type.as_str() {
            "array" => ParamType::Array,
            "object" => ParamType::Object,
            _ => ParamType::String,
        };
        Self {
            kind,
            keys: spec.properties.keys().map(String::as_str).collect(),
        }
    }

    pub(super) fn by_value(value: &'a ParamValue) -> Self {
        let keys = match value {
            ParamValue::Object(fields) => fields.keys().map(String::as_str).collect(),
            ParamValue::String(_) | ParamValue::Array(_) => HashSet::new(),
        };
        Self {
            kind: value.kind(),
            keys,
        }
    }
}

/// The parameters that texts of one place may refer to. Inner declarations hide outer ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope<'a> {
    pub(super) own: HashMap<&'a str, Declared<'a>>,
    pub(super) outer: Option<&'a Scope<'a>>,
}

impl<'a> Scope<'a> {
    /// The parameters declared, and those of the scope around.
    pub(super) fn of(specs: &'a [ParamSpec], outer: Option<&'a Scope<'a>>) -> Self {
        let own = specs
            .iter()
            .map(|spec| (spec.name.as_str(), Declared::by_spec(spec)));
        Self {
            own: own.collect(),
            outer,
        }
    }

    fn get(&self, name: &str) -> Option<&Declared<'a>> {
        self.own
            .get(name)
            .or_else(|| self.outer.and_then(|outer| outer.get(name)))
    }

    pub(super) fn is(&self, name: &str, kind: ParamType) -> bool {
        self.get(name).is_some_and(|declared| declared.kind == kind)
    }

    fn names(&self) -> Vec<&str> {
        let outer = self.outer.map(Scope::names).unwrap_or_default();
        self.own.keys().copied().chain(outer).collect()
    }
}

impl Check<'_> {
    /// Types, defaults, names, enums and duplicates of declarations.
    pub(super) fn param_specs(&mut self, at: &Place<'_>, specs: &[ParamSpec]) {
        let params = at.field("params");
        let mut seen = HashSet::new();
        for (index, spec) in specs.iter().enumerate() {
            self.param_type(&params.named(index, &spec.name), spec);
            if !seen.insert(spec.name.as_str()) {
                let at = params.keyed(index, &spec.name);
                self.add(Violation::new(
                    DUPLICATE_NAME,
                    &at,
                    "parameter appears more than once",
                ));
            }
            self.param_enum(&params.keyed(index, &spec.name), spec);
        }
        self.param_names(&params, specs);
    }

    fn param_type(&mut self, at: &Place<'_>, spec: &ParamSpec) {
        if !["string", "array", "object"].contains(&spec.r#type.as_str()) {
            let violation = Violation::invalid(&at.field("type"), &spec.r#type);
            self.add(violation.hint("types are string, array and object"));
            return;
        }
        if let Some(default) = &spec.default
            && default.kind().as_str() != spec.r#type
        {
            let found = default.kind().as_str();
            let message = format!(
                "\"{}\" type does not match default value's type: \"{found}\"",
                spec.r#type
            );
            let mut violation = Violation::new(INVALID_VALUE, &at.field("default"), message);
            violation.printed = vec![
                at.field("type").printed(),
                format!("{}.type", at.field("default").printed()),
            ];
            // A list or an object with something in it that is no text counts as one text.
            let mixed = default.as_str().is_some_and(|text| text.starts_with(['[', '{']));
            self.add(if mixed {
                violation.hint("all its values must be text; YAML reads y, n, yes, no, on, off and numbers as something else: quote them")
            } else {
                violation
            });
            return;
        }
        let mut invalid: Vec<&str> = spec
            .properties
            .iter()
            .filter(|(_, property)| property.r#type != "string")
            .map(|(key, _)| key.as_str())
            .collect();
        invalid.sort_unstable();
        if !invalid.is_empty() {
            let message = format!(
                "The value type specified for these keys [{}] is invalid",
                invalid.join(" ")
            );
            let violation = Violation::new(INVALID_VALUE, &at.field("properties"), message);
            self.add(violation.hint("the properties of an object are strings"));
        }
    }

    fn param_enum(&mut self, at: &Place<'_>, spec: &ParamSpec) {
        if spec.enum_values.is_empty() {
            return;
        }
        if !self.flags.enable_param_enum {
            let message = "feature flag `enable-param-enum` should be set to true to use Enum";
            self.add(Violation::new(FEATURE_DISABLED, at, message));
        }
        if spec.r#type != "string" {
            let message = "enum can only be set with string type param";
            self.add(Violation::new(INVALID_VALUE, at, message));
        }
        let mut seen = HashSet::new();
        for value in &spec.enum_values {
            if !seen.insert(value) {
                let message = format!("parameter enum value {value} appears more than once");
                self.add(Violation::new(DUPLICATE_NAME, at, message));
            }
        }
        if let Some(ParamValue::String(default)) = &spec.default
            && !default.is_empty()
            && !spec.enum_values.contains(default)
        {
            let message = format!("param default value {default} not in the enum list");
            self.add(Violation::new(INVALID_VALUE, at, message));
        }
    }

    /// The names of all declarations, in at most two violations as upstream has it.
    fn param_names(&mut self, at: &Place<'_>, specs: &[ParamSpec]) {
        let (objects, others): (Vec<&ParamSpec>, Vec<&ParamSpec>) =
            specs.iter().partition(|spec| spec.r#type == "object");
        let mut invalid: Vec<&str> = others
            .iter()
            .map(|spec| spec.name.as_str())
            .filter(|name| !is_param_name(name))
            .collect();
        invalid.sort_unstable();
        invalid.dedup();
        if !invalid.is_empty() {
            let names = invalid.join(" ");
            let message =
                format!("The format of following array and string variable names is invalid: [{names}]");
            self.add(Violation::new(INVALID_NAME, at, message).details(
                "String/Array Names: \nMust only contain alphanumeric characters, hyphens (-), underscores (_), and \
                 dots (.)\nMust begin with a letter or an underscore (_)",
            ));
        }
        let mut invalid: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for spec in objects {
            if !is_object_param_name(&spec.name) {
                invalid.entry(&spec.name).or_default();
            }
            for key in spec.properties.keys().filter(|key| !is_object_param_name(key)) {
                invalid.entry(&spec.name).or_default().push(key);
            }
        }
        if !invalid.is_empty() {
            let names: Vec<String> = invalid
                .into_iter()
                .map(|(name, keys)| format!("{name}:[{}]", keys.join(" ")))
                .collect();
            let message = format!(
                "Object param name and key name format is invalid: map[{}]",
                names.join(" ")
            );
            self.add(Violation::new(INVALID_NAME, at, message).details(
                "Object Names: \nMust only contain alphanumeric characters, hyphens (-), underscores (_) \nMust begin \
                 with a letter or an underscore (_)",
            ));
        }
    }

    /// Requires that object parameters say their properties.
    pub(super) fn object_params_have_properties(&mut self, at: &Place<'_>, specs: &[ParamSpec]) {
        let params = at.unprinted("params");
        for (index, spec) in specs.iter().enumerate() {
            if spec.r#type == "object" && spec.properties.is_empty() {
                self.add(Violation::missing(
                    &params.named(index, &spec.name).field("properties"),
                ));
            }
        }
    }

    /// Requires that no two values are for one parameter, in any case of letters.
    pub(super) fn unique_params(&mut self, at: &Place<'_>, params: &[Param]) {
        let mut seen = HashSet::new();
        for (index, param) in params.iter().enumerate() {
            if !seen.insert(param.name.to_lowercase()) {
                let at = at.keyed(index, &param.name);
                self.add(Violation::both(&at, &["name"]).code(DUPLICATE_NAME));
            }
        }
    }

    /// Requires that a pipeline task or matrix gives each parameter once.
    pub(super) fn unique_task_params(&mut self, at: &Place<'_>, params: &[Param]) {
        let mut seen = HashSet::new();
        for (index, param) in params.iter().enumerate() {
            if !seen.insert(param.name.as_str()) {
                let message = format!(
                    "parameter names must be unique, the parameter \"{}\" is also defined at",
                    param.name
                );
                let at = at.index(index);
                self.add(Violation::new(DUPLICATE_NAME, &at.field("name"), message));
            }
        }
    }

    /// Requires that a text refers to parameters of the scope only.
    pub(super) fn params_exist(&mut self, at: &Place<'_>, text: &str, scope: &Scope<'_>) {
        self.variables_are(
            at,
            text,
            "params",
            |name| scope.get(name).is_some(),
            || scope.names(),
        );
    }

    /// Requires that a text refers to existing keys of objects, and never to an object as a whole.
    pub(super) fn object_params(&mut self, at: &Place<'_>, text: &str, scope: &Scope<'_>) {
        let found = variables(text, "params");
        let unknown = found
            .iter()
            .filter(|variable| !variable.quoted)
            .find_map(|variable| {
                let (name, key) = variable.name.split_once('.')?;
                let declared = scope
                    .get(name)
                    .filter(|declared| declared.kind == ParamType::Object)?;
                (!declared.keys.contains(key)).then_some((variable.whole, declared))
            });
        if let Some((whole, declared)) = unknown {
            let mut keys: Vec<&str> = declared.keys.iter().copied().collect();
            keys.sort_unstable();
            let message = format!("non-existent variable in {text:?}");
            let hint = format!(
                "{whole} is no key of the object; its keys are {}",
                keys.join(", ")
            );
            self.add(Violation::new(UNKNOWN_VARIABLE, at, message).hint(hint));
        }
        self.no_whole_objects(at, text, |name| scope.is(name, ParamType::Object));
    }

    /// All rules for a text that takes strings.
    pub(super) fn string_text(&mut self, at: &Place<'_>, text: &str, scope: &Scope<'_>) {
        self.params_exist(at, text, scope);
        self.object_params(at, text, scope);
        self.no_arrays(at, text, |name| scope.is(name, ParamType::Array));
    }

    /// All rules for a text that is an element of a list.
    pub(super) fn element_text(&mut self, at: &Place<'_>, text: &str, scope: &Scope<'_>) {
        self.params_exist(at, text, scope);
        self.object_params(at, text, scope);
        self.isolated_arrays(at, text, |name| scope.is(name, ParamType::Array));
    }

    /// The value of a parameter that a pipeline gives to a task.
    pub(super) fn param_value(&mut self, at: &Place<'_>, value: &ParamValue, scope: &Scope<'_>) {
        match value {
            ParamValue::Array(items) => {
                let at = at.field("value");
                for (index, item) in items.iter().enumerate() {
                    self.element_text(&at.index(index), item, scope);
                }
            }
            ParamValue::Object(fields) => {
                let at = at.spelt("value", "properties");
                for (key, text) in fields {
                    self.string_text(&at.key(key), text, scope);
                }
            }
            // The whole of an array or object is handed on as such.
            ParamValue::String(text) if is_whole(text) => self.params_exist(at, text, scope),
            ParamValue::String(text) => self.string_text(at, text, scope),
        }
    }
}

/// Whether a text is exactly one `$(params.name[*])`.
fn is_whole(text: &str) -> bool {
    let found = variables(text, "params");
    matches!(found.as_slice(), [only] if only.whole == text && only.name.ends_with("[*]"))
}

/// Code of [`Violation::both`] where two lists give one parameter.
pub(super) fn given_twice(at: &Place<'_>, name: &str) -> Violation {
    let printed = |list: &'static str| format!("{}[{name}]", at.field(list).printed());
    let mut violation = Violation::new(ONE_OF, &at.field("params"), "expected exactly one, got both");
    violation.printed = vec![printed("matrix"), printed("params")];
    violation.hint(format!("parameter {name:?} stands in params and in matrix"))
}
