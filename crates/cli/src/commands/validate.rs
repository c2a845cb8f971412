//! `windlass validate`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::json;
use windlass_api::manifest::Manifest;
use windlass_api::problem::Problem;
use windlass_api::problem::Problems;
use windlass_api::validation::Flags;

use crate::error::Error;
use crate::error::Result;
use crate::error::push_problem;
use crate::exit::Exit;
use crate::input;
use crate::terminal::Paint;
use crate::terminal::Streams;

/// Examples at the end of the help.
const EXAMPLES: &str = "\
Examples:
  windlass validate pipeline.yaml tasks/   Files and directories
  windlass validate --portable .           Also what upstream's default settings refuse
  windlass validate --output json .        For programs

Exit codes: 0 nothing is wrong (there may be warnings), 3 something is.";

/// List every problem of files, without running them
#[derive(Debug, clap::Args)]
#[command(visible_alias = "lint", after_help = EXAMPLES)]
pub(crate) struct ValidateArgs {
    /// Files, directories, or - for stdin
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Also refuse what an upstream installation with its default settings would refuse
    #[arg(long)]
    portable: bool,
    /// Print problems for programs: json
    #[arg(long, short, value_name = "FORMAT", hide_possible_values = true)]
    output: Option<Format>,
}

/// Forms of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One JSON document
    Json,
}

/// Lists problems.
pub(crate) fn validate(args: &ValidateArgs, streams: &mut Streams) -> Result<Exit> {
    let flags = if args.portable {
        Flags::default()
    } else {
        Flags::permissive()
    };
    let mut manifest = input::read(&args.files, "default", &flags)?;
    if manifest.entries.is_empty() && manifest.problems.is_empty() {
        let names: Vec<String> = args.files.iter().map(|file| file.display().to_string()).collect();
        return Err(Error::input(format!(
            "{}: there is no object in the input",
            names.join(", ")
        )));
    }
    if args.portable {
        let own = own_kinds(&manifest);
        let mut problems: Problems = std::mem::take(&mut manifest.problems).into();
        problems.extend(own);
        problems.sort();
        manifest.problems = problems.into_iter().collect();
    }
    let text = match args.output {
        Some(Format::Json) => format!("{:#}\n", json!({"problems": manifest.problems})),
        None => report(&manifest, streams),
    };
    streams.out.write(text.as_bytes());
    Ok(if manifest.has_errors() {
        Exit::InvalidInput
    } else {
        Exit::Succeeded
    })
}

fn report(manifest: &Manifest, streams: &Streams) -> String {
    let mut text = String::new();
    for problem in &manifest.problems {
        push_problem(&mut text, problem);
    }
    let style = streams.out.style();
    let errors = manifest
        .problems
        .iter()
        .filter(|problem| problem.is_error())
        .count();
    let warnings = manifest.problems.len() - errors;
    let files: BTreeSet<&str> = manifest.entries.iter().map(|entry| entry.file.as_ref()).collect();
    let objects = manifest.entries.len();
    let warned = if warnings == 0 {
        String::new()
    } else {
        format!(", {}", counted(warnings, "warning"))
    };
    if errors == 0 {
        let ok = format!(
            "{} in {} valid",
            counted(objects, "object"),
            counted(files.len(), "file")
        );
        let _ = writeln!(text, "{}{warned}", style.paint(Paint::Good, &ok));
    } else {
        let _ = writeln!(
            text,
            "{}{warned}",
            style.paint(Paint::Bad, &counted(errors, "error"))
        );
    }
    text
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Custom tasks that only this program knows.
fn own_kinds(manifest: &Manifest) -> Vec<Problem> {
    manifest.entries.iter().flat_map(input::own_references).collect()
}
