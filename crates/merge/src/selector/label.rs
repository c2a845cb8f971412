//! What a label selector asks.

use std::fmt;

use windlass_api::names::LABEL_MAX;
use windlass_api::names::is_result_name;
use windlass_api::names::qualified_name_problems;

use crate::selector::Error;

/// Requirements on labels that must all hold; without any, everything matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector {
    requirements: Vec<Requirement>,
}

/// One requirement on one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    key: String,
    operator: Operator,
    /// Sorted, without repetition.
    values: Vec<String>,
}

/// How a label relates to the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The label has one of the values.
    In,
    /// The label has none of the values, or is absent.
    NotIn,
    /// The label has the value; written `=`.
    Equals,
    /// The same, written `==`.
    DoubleEquals,
    /// The label does not have the value, or is absent.
    NotEquals,
    /// The label is present.
    Exists,
    /// The label is absent.
    DoesNotExist,
    /// The label is a whole number above the value.
    GreaterThan,
    /// The label is a whole number below the value.
    LessThan,
}

impl LabelSelector {
    pub(super) fn new(mut requirements: Vec<Requirement>) -> Self {
        requirements.sort_by(|left, right| left.key.cmp(&right.key));
        Self { requirements }
    }

    /// The requirements, sorted by key.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Whether everything matches.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether an object with these labels matches; `label` answers a key with its value.
    pub fn matches<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        let mut requirements = self.requirements.iter();
        requirements.all(|requirement| requirement.matches(label(&requirement.key)))
    }

    /// The only value that the label may have, when the selector fixes it: what an index is asked for.
    pub fn exact(&self, key: &str) -> Option<&str> {
        let mut named = self.requirements.iter().filter(|entry| entry.key == key);
        named.find_map(
            |requirement| match (requirement.operator, requirement.values.as_slice()) {
                (Operator::In | Operator::Equals | Operator::DoubleEquals, [value]) => Some(value.as_str()),
                _ => None,
            },
        )
    }
}

impl Requirement {
    /// Checks and makes a requirement; `path` names it in errors, and is empty for a selector in a URL.
    pub(super) fn new(
        key: &str,
        operator: Operator,
        mut values: Vec<String>,
        path: &str,
    ) -> Result<Self, Error> {
        values.sort();
        values.dedup();
        let mut problems = Vec::new();
        if let Err(error) = check_key(key, &child(path, "key")) {
            problems.push(error.to_string());
        }
        let at = child(path, "values");
        check_count(operator, &values, &at, &mut problems);
        for (index, value) in values.iter().enumerate() {
            let faults = value_problems(value);
            if !faults.is_empty() {
                problems.push(format!(
                    "{at}[{index}][{key}]: Invalid value: {value:?}: {faults}"
                ));
            }
        }
        match problems.as_slice() {
            [] => Ok(Self {
                key: key.to_owned(),
                operator,
                values,
            }),
            [problem] => Err(Error::new(problem.as_str())),
            _ => Err(Error::new(format!("[{}]", problems.join(", ")))),
        }
    }

    /// The label it is about.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How the label relates to the values.
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// The values, sorted; empty for the operators that take none.
    pub fn values(&self) -> &[String] {
        &self.values
    }

    fn matches(&self, label: Option<&str>) -> bool {
        let listed = |value: &str| {
            self.values
                .binary_search_by(|own| own.as_str().cmp(value))
                .is_ok()
        };
        match self.operator {
            Operator::In | Operator::Equals | Operator::DoubleEquals => label.is_some_and(listed),
            Operator::NotIn | Operator::NotEquals => !label.is_some_and(listed),
            Operator::Exists => label.is_some(),
            Operator::DoesNotExist => label.is_none(),
            Operator::GreaterThan => self.compared(label).is_some_and(|(label, bound)| label > bound),
            Operator::LessThan => self.compared(label).is_some_and(|(label, bound)| label < bound),
        }
    }

    fn compared(&self, label: Option<&str>) -> Option<(i64, i64)> {
        Some((label?.parse().ok()?, self.values.first()?.parse().ok()?))
    }
}

fn check_count(operator: Operator, values: &[String], at: &str, problems: &mut Vec<String>) {
    let rule = match operator {
        Operator::In | Operator::NotIn if values.is_empty() => {
            "for 'in', 'notin' operators, values set can't be empty"
        }
        Operator::Exists | Operator::DoesNotExist if !values.is_empty() => {
            "values set must be empty for exists and does not exist"
        }
        Operator::Equals | Operator::DoubleEquals | Operator::NotEquals if values.len() != 1 => {
            "exact-match compatibility requires one single value"
        }
        Operator::GreaterThan | Operator::LessThan if values.len() != 1 => {
            "for 'Gt', 'Lt' operators, exactly one value is required"
        }
        _ => "",
    };
    if !rule.is_empty() {
        problems.push(format!("{at}: Invalid value: {values:?}: {rule}"));
    }
    if matches!(operator, Operator::GreaterThan | Operator::LessThan) {
        for (index, value) in values.iter().enumerate() {
            if value.parse::<i64>().is_err() {
                problems.push(format!(
                    "{at}[{index}]: Invalid value: {value:?}: for 'Gt', 'Lt' operators, the value must be an integer"
                ));
            }
        }
    }
}

/// The place of a field below another; Kubernetes writes `<nil>` for no place at all.
fn child(path: &str, field: &str) -> String {
    if path.is_empty() {
        field.to_owned()
    } else {
        format!("{path}.{field}")
    }
}

pub(super) fn check_key(key: &str, path: &str) -> Result<(), Error> {
    let faults = qualified_name_problems(key);
    if faults.is_empty() {
        return Ok(());
    }
    let path = if path.is_empty() { "<nil>" } else { path };
    Err(Error::new(format!(
        "{path}: Invalid value: {key:?}: {}",
        faults.join("; ")
    )))
}

const VALUE_RULE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or \
     '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex \
     used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

fn value_problems(value: &str) -> String {
    let mut faults = Vec::new();
    if value.len() > LABEL_MAX {
        faults.push("must be no more than 63 characters");
    }
    if !value.is_empty() && !is_result_name(value) {
        faults.push(VALUE_RULE);
    }
    faults.join("; ")
}

impl fmt::Display for LabelSelector {
    /// Writes a text that parses to the same selector.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, requirement) in self.requirements.iter().enumerate() {
            if index > 0 {
                formatter.write_str(",")?;
            }
            requirement.fmt(formatter)?;
        }
        Ok(())
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.values.join(",");
        let key = &self.key;
        match self.operator {
            Operator::Exists => formatter.write_str(key),
            Operator::DoesNotExist => write!(formatter, "!{key}"),
            Operator::Equals => write!(formatter, "{key}={values}"),
            Operator::DoubleEquals => write!(formatter, "{key}=={values}"),
            Operator::NotEquals => write!(formatter, "{key}!={values}"),
            Operator::GreaterThan => write!(formatter, "{key}>{values}"),
            Operator::LessThan => write!(formatter, "{key}<{values}"),
            Operator::In => write!(formatter, "{key} in ({values})"),
            Operator::NotIn => write!(formatter, "{key} notin ({values})"),
        }
    }
}
