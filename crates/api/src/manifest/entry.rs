//! The objects of a file.

use std::sync::Arc;

use crate::advice::advise;
use crate::advice::repeated;
use crate::defaults::Defaults;
use crate::defaults::SetDefaults;
use crate::object::Object;
use crate::problem::FieldPath;
use crate::problem::Position;
use crate::problem::Problem;
use crate::validation::Flags;
use crate::validation::validate_create;
use crate::yaml::Spans;

/// One object and where it stands.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The object.
    pub object: Object,
    /// The file, as it was named to [`Manifest::read`].
    pub file: Arc<str>,
    /// Which document of the file it is in, counted from 0; empty documents are not counted.
    pub document: usize,
    /// The `apiVersion` it was written in, which may be an older one than the object's.
    pub api_version: String,
    pub(super) spans: Arc<Spans>,
    /// The path of the object in its document; not the root for the items of a list.
    pub(super) base: FieldPath,
}

impl Entry {
    /// Where a field of the object stands, or the innermost part of its path that the file has.
    pub fn position(&self, path: &FieldPath) -> Position {
        self.spans.position(&self.base.join(path))
    }

    /// Says of a problem with the object in which file and where in it the cause stands.
    #[must_use]
    pub fn locate(&self, problem: Problem) -> Problem {
        located(problem, &self.file, &self.spans, &self.base)
    }

    /// Sets the defaults and validates: everything that keeps the object from being created, with its place.
    pub fn check(&mut self, defaults: &Defaults, flags: &Flags) -> Vec<Problem> {
        self.object.set_defaults(defaults);
        let violations = validate_create(&self.object, flags);
        violations
            .into_iter()
            .map(|violation| self.locate(violation.into_problem()))
            .collect()
    }
}

pub(super) fn located(mut problem: Problem, file: &str, spans: &Spans, base: &FieldPath) -> Problem {
    if !base.is_root() {
        problem.path = base.join(&problem.path);
    }
    spans.locate(&mut problem);
    problem.file.get_or_insert_with(|| file.to_owned());
    problem
}

/// What was read: the objects that could be, and all problems so far.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    /// The objects, in the order of the files.
    pub entries: Vec<Entry>,
    /// What is wrong, in the order it was found; warnings among them.
    pub problems: Vec<Problem>,
}

impl Manifest {
    /// Sets the defaults of every object and validates it, adding to the problems.
    pub fn check(&mut self, defaults: &Defaults, flags: &Flags) {
        for entry in &mut self.entries {
            self.problems.extend(entry.check(defaults, flags));
        }
    }

    /// Warns of what is hardly meant, in each object and among them.
    pub fn advise(&mut self) {
        for entry in &self.entries {
            let problems = advise(&entry.object).into_iter();
            self.problems
                .extend(problems.map(|problem| entry.locate(problem)));
        }
        self.problems.extend(repeated(&self.entries));
    }

    /// Adds what another file holds.
    pub fn extend(&mut self, other: Self) {
        self.entries.extend(other.entries);
        self.problems.extend(other.problems);
    }

    /// Whether any problem is more than a warning.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(Problem::is_error)
    }
}
