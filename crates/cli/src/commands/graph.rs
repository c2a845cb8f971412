//! `windlass graph`.

use std::path::PathBuf;

use windlass_api::problem::Problem;
use windlass_api::problem::Problems;
use windlass_api::validation::Flags;

use crate::error::Error;
use crate::error::Result;
use crate::exit::Exit;
use crate::graph;
use crate::graph::Graph;
use crate::input;
use crate::input::Choice;
use crate::input::Definition;
use crate::input::Found;
use crate::terminal::Streams;

/// Examples at the end of the help.
const EXAMPLES: &str = "\
Examples:
  windlass graph pipeline.yaml
  windlass graph ci/ --pipeline build --format svg > build.svg
  windlass graph pipeline.yaml --format dot | dot -Tpng > pipeline.png";

/// Show the tasks of a pipeline and their order
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct GraphArgs {
    /// Files, directories, or - for stdin
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    choice: Choice,
    /// Draw as text, mermaid, dot or svg
    #[arg(
        long,
        short,
        value_name = "FORMAT",
        default_value = "text",
        hide_possible_values = true
    )]
    format: Format,
}

/// Forms of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Lines for a terminal
    Text,
    /// Mermaid, for Markdown
    Mermaid,
    /// DOT, for Graphviz
    Dot,
    /// A picture
    Svg,
}

/// Shows a graph.
pub(crate) fn graph(args: &GraphArgs, streams: &mut Streams) -> Result<Exit> {
    let manifest = input::read(&args.files, "default", &Flags::permissive())?;
    if manifest.has_errors() {
        let errors: Problems = manifest.problems.into_iter().filter(Problem::is_error).collect();
        return Err(errors.into());
    }
    let object = &args.choice.choose(&manifest)?.entry().object;
    let found = Found::of(object, &manifest);
    let metadata = object.metadata();
    let name = if metadata.name.is_empty() {
        metadata.generate_name.trim_end_matches('-')
    } else {
        &metadata.name
    };
    let title = format!("{} {name}", object.kind());
    let graph = match found.here() {
        Some(Definition::Pipeline(spec)) => Graph::of_pipeline(title, spec),
        Some(Definition::Task(spec)) => Graph::of_task(title, spec),
        None => {
            let why = found
                .elsewhere()
                .unwrap_or_else(|| "it names no definition".into());
            return Err(Error::input(format!("the graph of {title} is not known: {why}")));
        }
    };
    let text = match args.format {
        Format::Text => graph::text(&graph, streams.out.style()),
        Format::Mermaid => graph::mermaid(&graph),
        Format::Dot => graph::dot(&graph),
        Format::Svg => graph::svg(&graph),
    };
    streams.out.write(text.as_bytes());
    Ok(Exit::Succeeded)
}
