//! Why a command ended early, as its user reads it.

use std::fmt::Write as _;

use windlass_api::problem::Problem;
use windlass_api::problem::Problems;
use windlass_runtime::client;

use crate::exit::Exit;

/// Result of a part of a command.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// Most problems that a command other than `validate` prints: what fits on a screen.
const SHOWN: usize = 20;

/// Most characters of one message; longer ones only repeat the user's input.
const LONGEST: usize = 1_000;

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Error {
    /// The input has problems, each with a place.
    Problems(Problems),
    /// Anything else, with ways out.
    Refused(Box<Refusal>),
}

/// A reason to end, with ways out.
#[derive(Debug)]
pub(crate) struct Refusal {
    exit: Exit,
    message: String,
    hints: Vec<String>,
}

impl Error {
    /// The command line is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::refused(Exit::Usage, message)
    }

    /// The input is wrong as a whole.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::refused(Exit::InvalidInput, message)
    }

    /// The machine is in the way.
    pub(crate) fn environment(error: &anyhow::Error) -> Self {
        Self::refused(Exit::Environment, format!("{error:#}"))
    }

    fn refused(exit: Exit, message: impl Into<String>) -> Self {
        Self::Refused(Box::new(Refusal {
            exit,
            message: message.into(),
            hints: Vec::new(),
        }))
    }

    /// Adds a way out.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Self::Refused(refusal) = &mut self {
            refusal.hints.push(hint.into());
        }
        self
    }

    /// How the command ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Problems(_) => Exit::InvalidInput,
            Self::Refused(refusal) => refusal.exit,
        }
    }

    /// What stderr says: `error: …` lines, hints indented below each.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        match self {
            Self::Problems(problems) => {
                for problem in problems.iter().take(SHOWN) {
                    push_problem(&mut text, problem);
                }
                let rest = problems.len().saturating_sub(SHOWN);
                if rest > 0 {
                    let _ = writeln!(text, "and {rest} more; `windlass validate` lists all");
                }
            }
            Self::Refused(refusal) => {
                let _ = writeln!(text, "error: {}", shortened(&refusal.message));
                for hint in &refusal.hints {
                    push_hint(&mut text, hint);
                }
            }
        }
        text
    }
}

impl From<Problems> for Error {
    fn from(problems: Problems) -> Self {
        Self::Problems(problems)
    }
}

impl From<client::Error> for Error {
    fn from(error: client::Error) -> Self {
        let exit = match &error {
            client::Error::Invalid(_) | client::Error::AlreadyExists(_) | client::Error::NotFound(_) => {
                Exit::InvalidInput
            }
            client::Error::Conflict(_) | client::Error::Gone(_) | client::Error::Unavailable(_) => {
                Exit::Environment
            }
        };
        Self::refused(exit, error.to_string())
    }
}

/// Writes `error: FILE:LINE:COLUMN: FIELD: message` and the hint below it.
pub(crate) fn push_problem(text: &mut String, problem: &Problem) {
    let _ = write!(text, "{}: ", problem.severity);
    match (&problem.file, problem.position) {
        (Some(file), Some(position)) => {
            let _ = write!(text, "{file}:{position}: ");
        }
        (Some(file), None) => {
            let _ = write!(text, "{file}: ");
        }
        (None, _) => {}
    }
    if !problem.path.is_root() {
        let _ = write!(text, "{}: ", problem.path);
    }
    let _ = writeln!(text, "{}", shortened(&problem.message));
    if let Some(hint) = &problem.hint {
        push_hint(text, hint);
    }
}

fn push_hint(text: &mut String, hint: &str) {
    let mut lines = hint.lines();
    let _ = writeln!(text, "  hint: {}", shortened(lines.next().unwrap_or_default()));
    for line in lines {
        let _ = writeln!(text, "        {}", shortened(line));
    }
}

fn shortened(message: &str) -> String {
    if message.chars().count() <= LONGEST {
        return message.to_owned();
    }
    let mut short: String = message.chars().take(LONGEST).collect();
    short.push('…');
    short
}
