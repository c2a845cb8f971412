//! `windlass image inspect`.

use serde_json::Value;

use super::Format;
use super::as_json;
use super::known;
use super::print_json;
use super::refused;
use super::when;
use crate::error::Result;
use crate::exit::Exit;
use crate::images::Image;
use crate::images::ImageStore;
use crate::report::size;
use crate::terminal::Paint;
use crate::terminal::Streams;
use crate::terminal::safe;

/// Show what an image is and how it runs
#[derive(Debug, clap::Args)]
pub(super) struct InspectArgs {
    /// Names of images
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<String>,
    /// Print the images for programs: json
    #[arg(long, short, value_name = "FORMAT", hide_possible_values = true)]
    output: Option<Format>,
}

/// Shows images.
pub(super) fn inspect(args: &InspectArgs, store: &dyn ImageStore, streams: &mut Streams) -> Result<Exit> {
    known(store, &args.images)?;
    let mut images = Vec::new();
    for name in &args.images {
        images.extend(store.find(name).map_err(|error| refused(&error))?);
    }
    if args.output.is_some() {
        let images: Vec<Value> = images.iter().map(as_json).collect();
        print_json(&Value::from(images), streams);
        return Ok(Exit::Succeeded);
    }
    for (index, image) in images.iter().enumerate() {
        if index > 0 {
            streams.out.line("");
        }
        show(image, streams);
    }
    Ok(Exit::Succeeded)
}

fn show(image: &Image, streams: &mut Streams) {
    let style = streams.out.style();
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let name = style.paint(Paint::Faint, &format!("{name:<12}"));
            streams.out.line(&format!("{name}{}", safe(value)));
        }
    };
    line("name", &image.name);
    line("platform", &image.platform);
    line("digest", &image.digest);
    line("created", &image.created);
    line("last used", &when(image.used));
    for (name, key) in [("entrypoint", "Entrypoint"), ("command", "Cmd")] {
        let words = image.config.get(key).filter(|words| !is_empty(words));
        line(name, &words.map(Value::to_string).unwrap_or_default());
    }
    for (name, key) in [("user", "User"), ("directory", "WorkingDir")] {
        line(
            name,
            image.config.get(key).and_then(Value::as_str).unwrap_or_default(),
        );
    }
    let variables = image.config.get("Env").and_then(Value::as_array);
    for variable in variables.into_iter().flatten().filter_map(Value::as_str) {
        line("variable", variable);
    }
    for layer in &image.layers {
        let sizes = format!("{}, {} unpacked", size(layer.size), size(layer.unpacked));
        line("layer", &format!("{}  {sizes}", layer.digest));
    }
}

fn is_empty(words: &Value) -> bool {
    words.as_array().is_none_or(Vec::is_empty)
}
