//! `windlass image pull`.

use serde_json::Value;

use super::Format;
use super::as_json;
use super::came;
use super::print_json;
use super::refused;
use super::watch::Watcher;
use crate::error::Result;
use crate::exit::Exit;
use crate::images::ImageStore;
use crate::terminal::Streams;

/// Examples at the end of the help.
const EXAMPLES: &str = "\
Examples:
  windlass image pull alpine                       For this machine
  windlass image pull --platform linux/arm64 alpine";

/// Bring images from their registries
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PullArgs {
    /// Names of images, with a tag or a digest
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<String>,
    /// The machine to run them on; the default is this one
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<String>,
    /// Print the images for programs: json
    #[arg(long, short, value_name = "FORMAT", hide_possible_values = true)]
    output: Option<Format>,
}

/// Brings images.
pub(super) fn pull(args: &PullArgs, store: &dyn ImageStore, streams: &mut Streams) -> Result<Exit> {
    let mut images = Vec::new();
    for name in &args.images {
        let watcher = Watcher::new(&mut streams.err, name);
        let image = store.pull(name, args.platform.as_deref(), &|event| watcher.event(event));
        watcher.end();
        let image = image.map_err(|error| refused(&error))?;
        if args.output.is_none() {
            came(&image, &mut streams.out);
        }
        images.push(image);
    }
    if args.output.is_some() {
        let images: Vec<Value> = images.iter().map(as_json).collect();
        print_json(&Value::from(images), streams);
    }
    Ok(Exit::Succeeded)
}
