//! References to definitions: by name, or through a resolver.

use super::flags::Stability;
use super::place::Place;
use super::violation::Check;
use super::violation::FEATURE_DISABLED;
use super::violation::INVALID_NAME;
use super::violation::Violation;
use crate::names::qualified_name_problems;
use crate::tekton::Param;

impl Check<'_> {
    pub(super) fn reference(&mut self, at: &Place<'_>, name: &str, resolver: &str, params: &[Param]) {
        if resolver.is_empty() && params.is_empty() {
            self.local_reference(at, name);
            return;
        }
        if !params.is_empty() {
            self.feature(&at.field("params"), "resolver params", Stability::Beta);
            if !name.is_empty() {
                self.add(Violation::both(at, &["name", "params"]));
            }
            if resolver.is_empty() {
                self.add(Violation::missing(&at.field("resolver")));
            }
            self.unique_params(&at.field("params"), params);
        }
        if !resolver.is_empty() {
            self.feature(&at.field("resolver"), "resolver", Stability::Beta);
            if !name.is_empty() && is_url(name) {
                self.concise_syntax(at);
            } else if !name.is_empty() {
                let violation = Violation::invalid(&at.field("name"), "invalid URI for request");
                self.add(violation.hint("with a resolver, give its params in place of a name"));
            }
        }
    }

    fn local_reference(&mut self, at: &Place<'_>, name: &str) {
        if name.is_empty() {
            self.add(Violation::missing(&at.field("name")));
        } else if is_url(name) {
            self.concise_syntax(at);
            self.add(Violation::missing(&at.field("resolver")));
        } else {
            let problems = qualified_name_problems(name);
            if !problems.is_empty() {
                self.add(Violation::invalid(&at.field("name"), problems.join(",")).code(INVALID_NAME));
            }
        }
    }

    fn concise_syntax(&mut self, at: &Place<'_>) {
        if !self.flags.enable_concise_resolver_syntax {
            let message = "feature flag enable-concise-resolver-syntax should be set to true to use concise resolver \
                           syntax";
            self.add(Violation::new(FEATURE_DISABLED, at, message));
        }
    }
}

/// Whether a name holds a scheme, as `git://…` does.
fn is_url(name: &str) -> bool {
    name.match_indices(":/").any(|(at, _)| {
        let before = name.get(..at).and_then(|before| before.bytes().next_back());
        before.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    })
}
