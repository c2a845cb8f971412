//! References to variables in texts, checked by upstream's rules.
//!
//! Admission looks for one prefix at a time (`params`, `context.taskRun`, `results` …) and takes what follows up to the
//! closing parenthesis, whatever it is. That is not the grammar of [`crate::references`], which says what has a
//! meaning; this one finds what was meant to have one.

use std::collections::HashSet;

use super::place::Place;
use super::violation::Check;
use super::violation::INVALID_VARIABLE;
use super::violation::UNKNOWN_VARIABLE;
use super::violation::Violation;

/// One reference to a variable of the prefix looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Variable<'a> {
    /// All of it, from `$(` to `)`.
    pub(super) whole: &'a str,
    /// What follows the prefix: `a`, `a[0]`, `a.key`.
    pub(super) name: &'a str,
    /// Whether it is written `['a']`, so that dots belong to the name.
    pub(super) quoted: bool,
}

impl<'a> Variable<'a> {
    /// The variable's own name, without a key of it: `a` of `a.key`, but `a.b` of `['a.b']`.
    fn head(&self) -> &'a str {
        if self.quoted {
            self.name
        } else {
            self.name.split('.').next().unwrap_or_default()
        }
    }

    /// [`Variable::head`] without indices.
    pub(super) fn base(&self) -> String {
        without_indices(self.head())
    }
}

/// Drops every `[0]` and `[*]`.
fn without_indices(name: &str) -> String {
    let mut kept = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((before, after)) = rest.split_once('[') {
        kept.push_str(before);
        let inside = after.trim_start_matches(|c: char| c.is_ascii_digit());
        let inside = inside.strip_prefix('*').unwrap_or(inside);
        if let Some(tail) = inside.strip_prefix(']') {
            rest = tail;
        } else {
            kept.push('[');
            rest = after;
        }
    }
    kept.push_str(rest);
    kept
}

/// Finds the references to variables of a prefix. Linear in the text, whatever it holds.
pub(super) fn variables<'a>(text: &'a str, prefix: &str) -> Vec<Variable<'a>> {
    const FORMS: [(&str, &str); 3] = [(".", ")"), ("[\"", "\"])"), ("['", "'])")];
    let mut found = Vec::new();
    let mut line_ends = Ahead::new(text, "\n");
    let mut closings = FORMS.map(|(_, close)| Ahead::new(text, close));
    let mut at = 0;
    while let Some(start) = text
        .get(at..)
        .and_then(|rest| rest.find("$("))
        .map(|offset| at + offset)
    {
        at = start + 2;
        let Some(tail) = text.get(at..).and_then(|rest| rest.strip_prefix(prefix)) else {
            continue;
        };
        let form = FORMS
            .iter()
            .zip(&mut closings)
            .find(|((open, _), _)| tail.starts_with(open));
        let Some(((open, close), closing)) = form else {
            continue;
        };
        let name_at = text.len() - tail.len() + open.len();
        let Some(name_end) = closing.from(name_at) else {
            continue;
        };
        if line_ends
            .from(name_at)
            .is_some_and(|line_end| line_end < name_end)
        {
            continue;
        }
        at = name_end + close.len();
        if let (Some(whole), Some(name)) = (text.get(start..at), text.get(name_at..name_end)) {
            found.push(Variable {
                whole,
                name,
                quoted: *open != ".",
            });
        }
    }
    found
}

/// Finds the next place of a word, for questions that only move forward; all of them together read the text once.
struct Ahead<'a> {
    text: &'a str,
    word: &'static str,
    next: Option<usize>,
    asked: bool,
}

impl<'a> Ahead<'a> {
    fn new(text: &'a str, word: &'static str) -> Self {
        Self {
            text,
            word,
            next: None,
            asked: false,
        }
    }

    fn from(&mut self, at: usize) -> Option<usize> {
        let stale = self.next.is_some_and(|next| next < at);
        if !self.asked || stale {
            self.asked = true;
            self.next = self
                .text
                .get(at..)
                .and_then(|rest| rest.find(self.word))
                .map(|offset| at + offset);
        }
        self.next
    }
}

/// The message about too many dots, if any reference has them.
fn overlong(variables: &[Variable<'_>], text: &str, prefix: &str) -> Option<String> {
    let overlong = variables
        .iter()
        .any(|variable| !variable.quoted && variable.name.matches('.').count() > 1);
    // Upstream prints the prefix as the regular expression it uses.
    let prefix = if prefix.starts_with("context") || prefix.starts_with("params.") {
        prefix.replace('.', "\\.")
    } else {
        prefix.to_owned()
    };
    overlong.then(|| {
        format!(
            "Invalid referencing of parameters in \"{text}\"! Only two dot-separated components after the prefix \
             \"{prefix}\" are allowed."
        )
    })
}

impl Check<'_> {
    /// Requires that every variable of a prefix is one of those given.
    pub(super) fn known_variables(
        &mut self,
        at: &Place<'_>,
        text: &str,
        prefix: &str,
        names: &HashSet<&str>,
    ) {
        self.variables_are(
            at,
            text,
            prefix,
            |name| names.contains(name),
            || names.iter().copied().collect(),
        );
    }

    /// As [`Check::known_variables`], for names that are not in one set.
    pub(super) fn variables_are<'n>(
        &mut self,
        at: &Place<'_>,
        text: &str,
        prefix: &str,
        known: impl Fn(&str) -> bool,
        names: impl FnOnce() -> Vec<&'n str>,
    ) {
        let found = variables(text, prefix);
        if let Some(message) = overlong(&found, text, prefix) {
            self.add(Violation::new(INVALID_VARIABLE, at, message));
            return;
        }
        let unknown = found.iter().map(Variable::base).find(|name| !known(name));
        if let Some(name) = unknown {
            let declared = format!("nothing declares $({prefix}.{name})");
            let hint = match self.near(&name, names) {
                Some(near) => format!("{declared}; did you mean $({prefix}.{near})?"),
                None => declared,
            };
            let message = format!("non-existent variable in {text:?}");
            self.add(Violation::new(UNKNOWN_VARIABLE, at, message).hint(hint));
        }
    }

    /// Requires that no array variable stands in a text.
    pub(super) fn no_arrays(&mut self, at: &Place<'_>, text: &str, is_array: impl Fn(&str) -> bool) {
        let found = variables(text, "params");
        if let Some(message) = overlong(&found, text, "params") {
            self.add(Violation::new(INVALID_VARIABLE, at, message));
            return;
        }
        let array = found.iter().find(|variable| is_array(star_free(variable.head())));
        if let Some(array) = array {
            let hint = format!(
                "{} is an array, which can only be an element of command, args or values",
                array.whole
            );
            self.add(invalid_type(at, text).hint(hint));
        }
    }

    /// Requires that an array variable is the whole text.
    pub(super) fn isolated_arrays(&mut self, at: &Place<'_>, text: &str, is_array: impl Fn(&str) -> bool) {
        let found = variables(text, "params");
        if let Some(message) = overlong(&found, text, "params") {
            self.add(Violation::new(INVALID_VARIABLE, at, message));
            return;
        }
        let first = found.first().map_or(0, |variable| variable.whole.len());
        let array = found.iter().find(|variable| is_array(star_free(variable.head())));
        if let Some(array) = array.filter(|_| text.len() != first) {
            let message = format!("variable is not properly isolated in {text:?}");
            let hint = format!("{} is an array and has to be the whole element", array.whole);
            self.add(Violation::new(INVALID_VARIABLE, at, message).hint(hint));
        }
    }

    /// Requires that no object variable stands in a text as a whole.
    pub(super) fn no_whole_objects(&mut self, at: &Place<'_>, text: &str, is_object: impl Fn(&str) -> bool) {
        let found = variables(text, "params");
        if let Some(object) = found.iter().find(|variable| is_object(star_free(variable.name))) {
            let hint = format!("{} is an object; refer to one of its keys", object.whole);
            self.add(invalid_type(at, text).hint(hint));
        }
    }
}

fn star_free(name: &str) -> &str {
    name.strip_suffix("[*]").unwrap_or(name)
}

fn invalid_type(at: &Place<'_>, text: &str) -> Violation {
    Violation::new(INVALID_VARIABLE, at, format!("variable type invalid in {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_up_to_the_closing_parenthesis() {
        let rows: [(&str, &[&str]); 10] = [
            ("$(params.a)", &["a"]),
            ("x $(params.a.key) y$(params.b[*])", &["a", "b"]),
            ("$(params['a.b'])$(params[\"c\"])", &["a.b", "c"]),
            ("$(params.a b)", &["a b"]),
            ("$(params.)", &[""]),
            ("$(params['a'][0])", &[]),
            ("$(params.a", &[]),
            ("$(params.a\n)", &[]),
            ("$(paramsx.a) $(other.a)", &[]),
            ("$(params.a[2])", &["a"]),
        ];
        for (text, then) in rows {
            let found: Vec<String> = variables(text, "params").iter().map(Variable::base).collect();
            assert_eq!(found, then, "{text}");
        }
    }

    #[test]
    fn hostile_texts_are_read_in_linear_time() {
        assert_eq!(variables(&"$(params.a".repeat(400_000), "params").len(), 0);
        assert_eq!(variables(&"$(params['a".repeat(400_000), "params").len(), 0);
        assert_eq!(variables(&"$(params.a\n".repeat(400_000), "params").len(), 0);
        assert_eq!(variables(&"$(params.a)".repeat(400_000), "params").len(), 400_000);
    }
}
