//! `windlass runner`.

use std::path::PathBuf;

use crate::commands::serve::StepArgs;
use crate::error::Error;
use crate::error::Result;
use crate::exit::Exit;
use crate::services::RunnerOptions;
use crate::services::Services;

/// Examples at the end of the help.
const EXAMPLES: &str = "\
Examples:
  windlass token create --runner > runner.token
  windlass runner --server https://plane.example:8441 --token-file runner.token --ca ca.crt
  windlass runner --server http://127.0.0.1:8441 --token-file runner.token --label disk=ssd

Steps go on while the server is away; what they printed is delivered when it is back.";

/// Execute what a server hands out, on this machine
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RunnerArgs {
    /// Join this server
    #[arg(long, value_name = "URL", env = "WINDLASS_SERVER")]
    server: String,
    /// Read the token from this file
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
    /// Trust the authority in this file
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Be known by this name; the machine's if not given
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Keep what is running in this directory
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Offer this label to node selectors (repeatable)
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// End after so many seconds without work and without a server
    #[arg(long, value_name = "SECONDS")]
    linger: Option<u64>,
    #[command(flatten)]
    steps: StepArgs,
}

fn label(text: &str) -> std::result::Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or("write it as KEY=VALUE, for instance disk=ssd")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Executes attempts until a signal comes.
pub(crate) fn runner(args: &RunnerArgs, services: &dyn Services) -> Result<Exit> {
    let options = RunnerOptions {
        server: args.server.clone(),
        token_file: args.token_file.clone(),
        ca_file: args.ca.clone(),
        name: args.name.clone(),
        data_dir: args.data_dir.clone(),
        labels: args.labels.clone(),
        linger: args.linger,
        steps: args.steps.options(),
    };
    services
        .run(&options)
        .map_err(|error| Error::environment(&error))?;
    Ok(Exit::Succeeded)
}
