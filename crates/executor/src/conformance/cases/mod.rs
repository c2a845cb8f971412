//! The cases, by what they are about.

mod control;
mod files;
mod output;
mod processes;
mod results;
mod sidecars;
mod steps;
mod volumes;

use futures::future::BoxFuture;

use super::bench::Bench;
use super::bench::Claim;
use super::report::Needs;

/// A claim and how it is checked.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) needs: Needs,
    pub(super) run: fn(Bench) -> BoxFuture<'static, Claim>,
}

/// Every case.
pub(super) fn all() -> Vec<Case> {
    [
        steps::CASES,
        processes::CASES,
        control::CASES,
        results::CASES,
        output::CASES,
        files::CASES,
        volumes::CASES,
        sidecars::CASES,
    ]
    .concat()
}

impl Clone for Case {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

/// Writes a table of cases: claim, needs, function.
macro_rules! cases {
    ($($name:literal $needs:ident $run:ident,)*) => {
        pub(super) const CASES: &[super::Case] = &[
            $(super::Case {
                name: $name,
                needs: crate::conformance::report::Needs::$needs,
                run: |bench| Box::pin($run(bench)),
            },)*
        ];
    };
}
use cases;
