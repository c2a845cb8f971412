//! `windlass image prune`.

use windlass_api::Duration;

use super::Format;
use super::refused;
use super::tell;
use crate::error::Result;
use crate::exit::Exit;
use crate::images::ImageStore;
use crate::images::Prune;
use crate::report::read_size;
use crate::terminal::Streams;

/// Examples at the end of the help.
const EXAMPLES: &str = "\
Examples:
  windlass image prune                      Only what no image needs
  windlass image prune --unused-for 168h    Also images that were not used for a week
  windlass image prune --keep 20GB          Also the least recently used, down to a size

What a running step uses stays.";

/// Remove what is not needed
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PruneArgs {
    /// Also remove all images
    #[arg(long)]
    all: bool,
    /// Also remove images that were not used for so long
    #[arg(long, value_name = "DURATION")]
    unused_for: Option<Duration>,
    /// Also remove the least recently used images until the rest takes at most SIZE
    #[arg(long, value_name = "SIZE", value_parser = read_size)]
    keep: Option<u64>,
    /// Print what was removed for programs: json
    #[arg(long, short, value_name = "FORMAT", hide_possible_values = true)]
    output: Option<Format>,
}

/// Removes what is not needed.
pub(super) fn prune(args: &PruneArgs, store: &dyn ImageStore, streams: &mut Streams) -> Result<Exit> {
    let what = Prune {
        all: args.all,
        unused_for: args.unused_for.map(Duration::to_std),
        keep: args.keep,
    };
    let removed = store.prune(&what).map_err(|error| refused(&error))?;
    tell(&removed, args.output, streams);
    Ok(Exit::Succeeded)
}
