//! `windlass image remove`.

use super::Format;
use super::known;
use super::refused;
use super::tell;
use crate::error::Result;
use crate::exit::Exit;
use crate::images::ImageStore;
use crate::terminal::Streams;

/// Remove images, and what only they need
#[derive(Debug, clap::Args)]
#[command(visible_alias = "rm")]
pub(super) struct RemoveArgs {
    /// Names of images
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<String>,
    /// Print what was removed for programs: json
    #[arg(long, short, value_name = "FORMAT", hide_possible_values = true)]
    output: Option<Format>,
}

/// Removes images.
pub(super) fn remove(args: &RemoveArgs, store: &dyn ImageStore, streams: &mut Streams) -> Result<Exit> {
    known(store, &args.images)?;
    let removed = store.remove(&args.images).map_err(|error| refused(&error))?;
    tell(&removed, args.output, streams);
    Ok(Exit::Succeeded)
}
