//! `windlass image`.

mod inspect;
mod list;
mod load;
mod prune;
mod pull;
mod remove;
mod save;
mod watch;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::Value;
use serde_json::json;

use crate::error::Error;
use crate::error::Result;
use crate::exit::Exit;
use crate::images::Image;
use crate::images::ImageStore;
use crate::images::Images;
use crate::images::Removed;
use crate::report::counted;
use crate::report::size;
use crate::terminal::Paint;
use crate::terminal::Stream;
use crate::terminal::Streams;
use crate::terminal::safe;

/// Digits of a digest that people see; enough to tell images apart.
const SHORT: usize = 19;

/// Manage the images that steps run in
#[derive(Debug, clap::Args)]
pub(crate) struct ImageArgs {
    /// Use the images in DIR instead of the user's own
    #[arg(long, value_name = "DIR", global = true, env = "WINDLASS_IMAGES")]
    store: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Pull(pull::PullArgs),
    Load(load::LoadArgs),
    Save(save::SaveArgs),
    List(list::ListArgs),
    Inspect(inspect::InspectArgs),
    Remove(remove::RemoveArgs),
    Prune(prune::PruneArgs),
}

/// Forms of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One JSON document
    Json,
}

/// Does what was asked.
pub(crate) fn image(args: &ImageArgs, images: &dyn Images, streams: &mut Streams) -> Result<Exit> {
    let store = images
        .open(args.store.as_deref())
        .map_err(|error| refused(&error))?;
    match &args.command {
        Command::Pull(args) => pull::pull(args, store.as_ref(), streams),
        Command::Load(args) => load::load(args, store.as_ref(), streams),
        Command::Save(args) => save::save(args, store.as_ref(), streams),
        Command::List(args) => list::list(args, store.as_ref(), streams),
        Command::Inspect(args) => inspect::inspect(args, store.as_ref(), streams),
        Command::Remove(args) => remove::remove(args, store.as_ref(), streams),
        Command::Prune(args) => prune::prune(args, store.as_ref(), streams),
    }
}

/// What the store says is for the user as it is; names in it may be of strangers.
fn refused(error: &anyhow::Error) -> Error {
    Error::environment(&anyhow::anyhow!(safe(&format!("{error:#}"))))
}

/// Refuses names that no image has.
fn known(store: &dyn ImageStore, names: &[String]) -> Result<()> {
    for name in names {
        if store.find(name).map_err(|error| refused(&error))?.is_empty() {
            return Err(Error::input(format!("no image `{}` in the store", safe(name)))
                .hint("`windlass image list` shows what is there"));
        }
    }
    Ok(())
}

/// The first digits of a digest.
fn short(digest: &str) -> &str {
    digest.get(..SHORT).unwrap_or(digest)
}

/// One line about an image that came in.
fn came(image: &Image, out: &mut Stream) {
    let unpacked: u64 = image.layers.iter().map(|layer| layer.unpacked).sum();
    let style = out.style();
    let line = format!(
        "{}  {}  {}",
        style.paint(Paint::Strong, &safe(&image.name)),
        image.digest,
        style.paint(
            Paint::Faint,
            &format!(
                "{}, {}",
                counted(image.layers.len() as u64, "layer"),
                size(unpacked)
            )
        )
    );
    out.line(&line);
}

/// An image for programs.
fn as_json(image: &Image) -> Value {
    let layer = |layer: &crate::images::Layer| json!({"digest": layer.digest, "size": layer.size, "unpackedSize": layer.unpacked});
    json!({
        "name": image.name,
        "platform": image.platform,
        "digest": image.digest,
        "created": image.created,
        "lastUsed": when(image.used),
        "layers": image.layers.iter().map(layer).collect::<Vec<_>>(),
        "config": image.config,
    })
}

fn when(seconds: u64) -> String {
    let millis = i64::try_from(seconds.saturating_mul(1_000)).unwrap_or(i64::MAX);
    windlass_api::Time::from_millis(millis).to_string()
}

fn print_json(value: &Value, streams: &mut Streams) {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    streams.out.line(&text);
}

/// What was removed, for people or programs.
fn tell(removed: &Removed, output: Option<Format>, streams: &mut Streams) {
    if output.is_some() {
        let image = |(name, platform, digest): &(String, String, String)| json!({"name": name, "platform": platform, "digest": digest});
        let value = json!({
            "images": removed.images.iter().map(image).collect::<Vec<_>>(),
            "layers": removed.layers,
            "blobs": removed.blobs,
            "partial": removed.partial,
            "bytes": removed.bytes,
        });
        return print_json(&value, streams);
    }
    for (name, platform, _) in &removed.images {
        streams.out.line(&format!("removed {} ({platform})", safe(name)));
    }
    let parts = [
        (removed.images.len() as u64, "image"),
        (removed.layers, "layer"),
        (removed.blobs, "blob"),
        (removed.partial, "unfinished download"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| counted(*count, what))
        .collect();
    let line = if parts.is_empty() {
        "nothing to remove".to_owned()
    } else {
        format!("{} gone, {} free again", parts.join(", "), size(removed.bytes))
    };
    streams.out.line(&line);
}
