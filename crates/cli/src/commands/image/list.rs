//! `windlass image list`.

use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use serde_json::Value;

use super::Format;
use super::as_json;
use super::print_json;
use super::refused;
use super::short;
use crate::error::Result;
use crate::exit::Exit;
use crate::images::Image;
use crate::images::ImageStore;
use crate::report::age;
use crate::report::size;
use crate::report::table;
use crate::terminal::Paint;
use crate::terminal::Streams;
use crate::terminal::safe;

/// List the images that are here
#[derive(Debug, clap::Args)]
#[command(visible_alias = "ls")]
pub(super) struct ListArgs {
    /// Print the images for programs: json
    #[arg(long, short, value_name = "FORMAT", hide_possible_values = true)]
    output: Option<Format>,
}

/// Lists images.
pub(super) fn list(args: &ListArgs, store: &dyn ImageStore, streams: &mut Streams) -> Result<Exit> {
    let images = store.list().map_err(|error| refused(&error))?;
    if args.output.is_some() {
        let images: Vec<Value> = images.iter().map(as_json).collect();
        print_json(&Value::from(images), streams);
        return Ok(Exit::Succeeded);
    }
    if images.is_empty() {
        streams
            .err
            .line("no images yet; `windlass image load` brings some");
        return Ok(Exit::Succeeded);
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let rows: Vec<_> = images.iter().map(|image| row(image, now)).collect();
    let head = ["NAME", "PLATFORM", "DIGEST", "SIZE", "LAST USED"];
    let text = table(streams.out.style(), &head, &rows);
    streams.out.write(text.as_bytes());
    Ok(Exit::Succeeded)
}

fn row(image: &Image, now: u64) -> Vec<(String, Option<Paint>)> {
    let unpacked = image.layers.iter().map(|layer| layer.unpacked).sum();
    vec![
        (safe(&image.name), Some(Paint::Strong)),
        (safe(&image.platform), None),
        (short(&image.digest).to_owned(), None),
        (size(unpacked), None),
        (age(now.saturating_sub(image.used)), Some(Paint::Faint)),
    ]
}
