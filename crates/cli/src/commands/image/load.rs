//! `windlass image load`.

use std::path::PathBuf;

use serde_json::Value;

use super::Format;
use super::as_json;
use super::came;
use super::print_json;
use super::refused;
use super::watch::Watcher;
use crate::error::Error;
use crate::error::Result;
use crate::exit::Exit;
use crate::images::ImageStore;
use crate::terminal::Streams;

/// Examples at the end of the help.
const EXAMPLES: &str = "\
Examples:
  windlass image load app.tar                    What `docker save` or `windlass image save` wrote
  windlass image load layout/ --name team/app:1  An OCI layout whose image has no name";

/// Bring the images of an OCI layout or a docker archive
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct LoadArgs {
    /// Archives (also compressed with gzip or zstd), or directories with an OCI layout
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Name for an image that its archive does not name, or names only by a tag
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The machine to run them on; the default is this one
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<String>,
    /// Print the images for programs: json
    #[arg(long, short, value_name = "FORMAT", hide_possible_values = true)]
    output: Option<Format>,
}

/// Brings images.
pub(super) fn load(args: &LoadArgs, store: &dyn ImageStore, streams: &mut Streams) -> Result<Exit> {
    let mut images = Vec::new();
    for file in &args.files {
        if !file.exists() {
            return Err(Error::input(format!("{} does not exist", file.display())));
        }
        let watcher = Watcher::new(&mut streams.err, &file.display().to_string());
        let (name, platform) = (args.name.as_deref(), args.platform.as_deref());
        let loaded = store.load(file, name, platform, &|event| watcher.event(event));
        watcher.end();
        let loaded = loaded.map_err(|error| refused(&error))?;
        if args.output.is_none() {
            for image in &loaded {
                came(image, &mut streams.out);
            }
        }
        images.extend(loaded);
    }
    if args.output.is_some() {
        let images: Vec<Value> = images.iter().map(as_json).collect();
        print_json(&Value::from(images), streams);
    }
    Ok(Exit::Succeeded)
}
