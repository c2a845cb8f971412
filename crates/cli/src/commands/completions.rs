//! `windlass completions`.

use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::exit::Exit;
use crate::terminal::Streams;

/// Examples at the end of the help.
const EXAMPLES: &str = "\
Examples:
  windlass completions bash > /etc/bash_completion.d/windlass
  windlass completions zsh > ~/.zfunc/_windlass
  windlass completions fish > ~/.config/fish/completions/windlass.fish";

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Prints completions.
pub(crate) fn completions(args: &CompletionsArgs, streams: &mut Streams) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::definition(), "windlass", &mut script);
    streams.out.write(&script);
    Exit::Succeeded
}
