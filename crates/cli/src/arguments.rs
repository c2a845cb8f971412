//! What the user typed.

use std::ffi::OsString;

use clap::Args;
use clap::CommandFactory as _;
use clap::Parser;
use clap::Subcommand;

use crate::commands;
use crate::commands::completions::CompletionsArgs;
use crate::commands::graph::GraphArgs;
use crate::commands::image::ImageArgs;
use crate::commands::run::RunArgs;
use crate::commands::runner::RunnerArgs;
use crate::commands::schema::SchemaArgs;
use crate::commands::serve::ServeArgs;
use crate::commands::validate::ValidateArgs;
use crate::exit::Exit;
use crate::images::Images;
use crate::plane::Planes;
use crate::services::Services;
use crate::terminal::Color;
use crate::terminal::Streams;

/// Examples at the end of the program's help.
const EXAMPLES: &str = "\
Examples:
  windlass run pipeline.yaml                          Run what a file holds
  windlass run task.yaml --param version=1.2          Run a lone Task with a value
  windlass validate .                                 List every problem of a directory
  windlass graph pipeline.yaml --format svg > p.svg   Draw the tasks

`windlass help COMMAND` describes a command.";

/// Run Tekton pipelines from one binary, without a cluster
#[derive(Debug, Parser)]
#[command(name = "windlass", version, max_term_width = 100, after_help = EXAMPLES, propagate_version = false)]
pub struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
struct Global {
    /// Use colours: auto, always or never; the variable `NO_COLOR` turns auto off
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true,
        help_heading = "Global options"
    )]
    color: Color,
    /// Say on stderr what happens inside; the variable `WINDLASS_LOG` chooses how much
    #[arg(long, short, global = true, help_heading = "Global options")]
    verbose: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(Box<RunArgs>),
    Serve(ServeArgs),
    Runner(RunnerArgs),
    Validate(ValidateArgs),
    Graph(GraphArgs),
    Image(ImageArgs),
    Schema(SchemaArgs),
    Completions(CompletionsArgs),
    /// Print the version
    Version,
}

impl Arguments {
    /// Reads the command line. Help, versions and mistakes are printed here, and end the program with the code returned.
    ///
    /// # Errors
    /// When there is nothing to execute.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, u8> {
        Self::try_parse_from(arguments).map_err(|error| {
            // Nobody is left to tell when even this cannot be printed.
            let _ = error.print();
            u8::try_from(error.exit_code()).unwrap_or_else(|_| Exit::Usage.code())
        })
    }

    /// Whether the user wants to see what happens inside.
    pub fn is_verbose(&self) -> bool {
        self.global.verbose
    }

    /// Executes the command.
    pub fn execute(self, planes: &dyn Planes, images: &dyn Images, services: &dyn Services) -> Exit {
        let mut streams = Streams::standard(self.global.color);
        self.execute_on(planes, images, services, &mut streams)
    }

    /// Executes the command; output goes to the streams.
    pub(crate) fn execute_on(
        self,
        planes: &dyn Planes,
        images: &dyn Images,
        services: &dyn Services,
        streams: &mut Streams,
    ) -> Exit {
        let done = match self.command {
            Command::Run(args) => commands::run::run(&args, planes, streams),
            Command::Serve(args) => commands::serve::serve(&args, services),
            Command::Runner(args) => commands::runner::runner(&args, services),
            Command::Validate(args) => commands::validate::validate(&args, streams),
            Command::Graph(args) => commands::graph::graph(&args, streams),
            Command::Image(args) => commands::image::image(&args, images, streams),
            Command::Schema(args) => Ok(commands::schema::schema(&args, streams)),
            Command::Completions(args) => Ok(commands::completions::completions(&args, streams)),
            Command::Version => {
                streams
                    .out
                    .line(&format!("windlass {}", env!("CARGO_PKG_VERSION")));
                Ok(Exit::Succeeded)
            }
        };
        done.unwrap_or_else(|error| {
            streams.err.write(error.render().as_bytes());
            error.exit()
        })
    }

    /// The whole command line, for completions and its own documentation.
    pub(crate) fn definition() -> clap::Command {
        Self::command()
    }
}
