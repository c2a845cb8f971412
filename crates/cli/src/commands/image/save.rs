//! `windlass image save`.

use std::path::PathBuf;

use super::known;
use super::refused;
use crate::error::Error;
use crate::error::Result;
use crate::exit::Exit;
use crate::images::ImageStore;
use crate::images::Target;
use crate::terminal::Streams;

/// Examples at the end of the help.
const EXAMPLES: &str = "\
Examples:
  windlass image save team/app:1 --to app.tar   One archive, for `docker load`, skopeo and the like
  windlass image save team/app:1 --to layout/   An OCI layout in a directory
  windlass image save team/app:1 | gzip > app.tar.gz";

/// Write images into an archive or an OCI layout
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SaveArgs {
    /// Names of images
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<String>,
    /// File for an archive, or directory (it exists, or the name ends in /) for a layout; the default is stdout
    #[arg(long, value_name = "PATH")]
    to: Option<PathBuf>,
}

/// Writes images.
pub(super) fn save(args: &SaveArgs, store: &dyn ImageStore, streams: &mut Streams) -> Result<Exit> {
    let target = match &args.to {
        None if streams.out.is_terminal() => {
            return Err(Error::usage("an archive is not for a terminal")
                .hint("name a file with --to FILE, or redirect the output"));
        }
        None => Target::Stdout,
        Some(path) if path.as_os_str() == "-" => Target::Stdout,
        Some(path) if path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/") => {
            Target::Directory(path.clone())
        }
        Some(path) => Target::File(path.clone()),
    };
    known(store, &args.images)?;
    store
        .save(&args.images, &target)
        .map_err(|error| refused(&error))?;
    Ok(Exit::Succeeded)
}
