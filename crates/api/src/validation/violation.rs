//! What is wrong with an object.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::flags::Flags;
use super::flags::Stability;
use super::place::Place;
use crate::decode::nearest;
use crate::problem::FieldPath;
use crate::problem::Problem;

pub(super) use crate::decode::INVALID_VALUE;
pub(super) use crate::decode::MISSING_FIELD;

/// Code: a cycle of tasks.
pub(super) const CYCLE: &str = "cycle";
/// Code: a field may not be set here.
pub(super) const DISALLOWED_FIELD: &str = "disallowed-field";
/// Code: a name stands twice.
pub(super) const DUPLICATE_NAME: &str = "duplicate-name";
/// Code: a feature is switched off.
pub(super) const FEATURE_DISABLED: &str = "feature-disabled";
/// Code: a field may not change any more.
pub(super) const IMMUTABLE: &str = "immutable";
/// Code: a name breaks its rule.
pub(super) const INVALID_NAME: &str = "invalid-name";
/// Code: a variable of this type cannot stand here.
pub(super) const INVALID_VARIABLE: &str = "invalid-variable";
/// Code: exactly one of several fields must be set.
pub(super) const ONE_OF: &str = "one-of";
/// Code: a number is out of bounds.
pub(super) const OUT_OF_BOUNDS: &str = "out-of-bounds";
/// Code: no task has this name.
pub(super) const UNKNOWN_TASK: &str = "unknown-task";
/// Code: nothing declares this variable.
pub(super) const UNKNOWN_VARIABLE: &str = "unknown-variable";
/// Code: nothing declares this workspace.
pub(super) const UNKNOWN_WORKSPACE: &str = "unknown-workspace";

/// One thing that keeps an object from being admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where its cause is.
    pub path: FieldPath,
    /// The paths that upstream prints; none for the few messages without one.
    pub printed: Vec<String>,
    /// Upstream's message.
    pub message: String,
    /// Upstream's second line; empty if there is none.
    pub details: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Names the kind of violation for machines; never changes.
    pub code: &'static str,
}

/// Longest message of a [`Problem`] in characters: a message that quotes a script need not quote all of it.
const LONGEST: usize = 400;

impl Violation {
    pub(super) fn new(code: &'static str, at: &Place<'_>, message: impl Into<String>) -> Self {
        Self {
            path: at.path(),
            printed: vec![at.printed()],
            message: message.into(),
            details: String::new(),
            hint: None,
            code,
        }
    }

    /// `missing field(s)`.
    pub(super) fn missing(at: &Place<'_>) -> Self {
        Self::new(MISSING_FIELD, at, "missing field(s)")
    }

    /// `invalid value: …`.
    pub(super) fn invalid(at: &Place<'_>, value: impl std::fmt::Display) -> Self {
        Self::new(INVALID_VALUE, at, format!("invalid value: {value}"))
    }

    /// `must not set the field(s)`.
    pub(super) fn disallowed(at: &Place<'_>) -> Self {
        Self::new(DISALLOWED_FIELD, at, "must not set the field(s)")
    }

    /// `expected exactly one, got both`, of fields of the place.
    pub(super) fn both(at: &Place<'_>, fields: &[&'static str]) -> Self {
        Self::one_of(at, fields, "expected exactly one, got both", false)
    }

    /// `expected exactly one, got neither`, of fields of the place.
    pub(super) fn neither(at: &Place<'_>, fields: &[&'static str]) -> Self {
        Self::one_of(at, fields, "expected exactly one, got neither", true)
    }

    /// Several fields in one violation. It stands at the last one, or at the place itself if they are missing.
    pub(super) fn one_of(at: &Place<'_>, fields: &[&'static str], message: &str, missing: bool) -> Self {
        let path = match fields.last() {
            Some(last) if !missing => at.field(last).path(),
            _ => at.path(),
        };
        let printed = fields.iter().map(|field| at.field(field).printed()).collect();
        Self {
            path,
            printed,
            ..Self::new(ONE_OF, at, message)
        }
    }

    pub(super) fn details(mut self, details: impl Into<String>) -> Self {
        self.details = details.into();
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Hints at the name that was meant, if there is one like it.
    pub(super) fn meant(mut self, near: Option<String>) -> Self {
        self.hint = near.map(|near| format!("did you mean {near:?}?")).or(self.hint);
        self
    }

    pub(super) fn code(mut self, code: &'static str) -> Self {
        self.code = code;
        self
    }

    /// Upstream prints no path with this message.
    pub(super) fn pathless(mut self) -> Self {
        self.printed.clear();
        self
    }

    /// The violation as a problem for the user; upstream's second line becomes the hint where there is no better one.
    pub fn into_problem(self) -> Problem {
        let mut message = self.message;
        if let Some((end, _)) = message.char_indices().nth(LONGEST) {
            message.truncate(end);
            message.push('…');
        }
        let problem = Problem::error(self.code, self.path, message);
        let details = Some(self.details).filter(|details| !details.is_empty());
        match self.hint.or(details) {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

/// What upstream's webhook answers to the violations of one object; `None` when there are none.
///
/// Violations of one message become one line with all their paths, lines are sorted by message.
pub fn to_admission_message<'a>(violations: impl IntoIterator<Item = &'a Violation>) -> Option<String> {
    let mut lines: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for violation in violations {
        let paths = lines.entry((&violation.message, &violation.details)).or_default();
        paths.extend(violation.printed.iter().map(String::as_str));
    }
    let text = lines.into_iter().map(|((message, details), paths)| {
        let paths: Vec<&str> = paths.into_iter().collect();
        let separator = if details.is_empty() { "" } else { "\n" };
        format!("{message}: {}{separator}{details}", paths.join(", "))
    });
    let text: Vec<String> = text.collect();
    (!text.is_empty()).then(|| format!("validation failed: {}", text.join("\n")))
}

/// One validation under way.
pub(super) struct Check<'f> {
    pub(super) flags: &'f Flags,
    pub(super) violations: Vec<Violation>,
}

impl<'f> Check<'f> {
    pub(super) fn new(flags: &'f Flags) -> Self {
        Self {
            flags,
            violations: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, violation: Violation) {
        self.violations.push(violation);
    }

    /// The name that was meant. After many violations it is looked for no more, so that they stay cheap.
    pub(super) fn near<'n>(&self, name: &str, candidates: impl FnOnce() -> Vec<&'n str>) -> Option<String> {
        const ENOUGH: usize = 100;
        if self.violations.len() >= ENOUGH {
            return None;
        }
        let mut candidates = candidates();
        candidates.sort_unstable();
        nearest(name, candidates).map(str::to_owned)
    }

    /// Requires that fields as unstable as `wanted` are accepted.
    pub(super) fn feature(&mut self, at: &Place<'_>, feature: &str, wanted: Stability) {
        let current = self.flags.enable_api_fields;
        if current >= wanted {
            return;
        }
        let needed = match wanted {
            Stability::Alpha => "\"alpha\"",
            Stability::Beta | Stability::Stable => "\"alpha\" or \"beta\"",
        };
        let message = format!(
            "{feature} requires \"enable-api-fields\" feature gate to be {needed} but it is {:?}",
            current.as_str()
        );
        self.add(Violation::new(FEATURE_DISABLED, at, message).pathless());
    }
}
