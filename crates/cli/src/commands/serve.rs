//! `windlass serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::error::Error;
use crate::error::Result;
use crate::exit::Exit;
use crate::plane::Executor;
use crate::plane::Network;
use crate::services::ServeOptions;
use crate::services::Services;
use crate::services::StepOptions;

/// Examples at the end of the help.
const EXAMPLES: &str = "\
Examples:
  windlass serve                                   State in the user's data directory, on loopback
  windlass serve --data-dir /var/lib/windlass --listen 0.0.0.0:8441
  windlass serve --no-runner                       Runners join from elsewhere

The first start says how to connect. Runs go on when the server is stopped: they belong to the runner.";

/// Serve a plane: resources, watches and logs for kubectl, tkn and `windlass`
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ServeArgs {
    /// Keep state, logs and keys in this directory
    #[arg(long, value_name = "DIR", env = "WINDLASS_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Listen here; outside loopback with TLS
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8441")]
    listen: SocketAddr,
    /// Keep state in this PostgreSQL database
    #[arg(long, value_name = "URL", env = "WINDLASS_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// Start no runner
    #[arg(long)]
    no_runner: bool,
    #[command(flatten)]
    steps: StepArgs,
}

/// How a runner runs steps.
#[derive(Debug, clap::Args)]
pub(crate) struct StepArgs {
    /// Run steps with: host, host-shared, container, engine or auto
    #[arg(
        long,
        value_name = "EXECUTOR",
        default_value = "host",
        hide_possible_values = true
    )]
    executor: Executor,
    /// Give steps the network of the machine (host) or of their task alone (private)
    #[arg(
        long,
        value_name = "NETWORK",
        default_value = "host",
        hide_possible_values = true
    )]
    network: Network,
    /// Keep images in this directory
    #[arg(long, value_name = "DIR", env = "WINDLASS_IMAGES")]
    images: Option<PathBuf>,
    /// Run at most this many tasks at the same time
    #[arg(long, value_name = "N")]
    capacity: Option<usize>,
}

impl StepArgs {
    /// As a service takes it.
    pub(crate) fn options(&self) -> StepOptions {
        StepOptions {
            executor: self.executor,
            network: self.network,
            images: self.images.clone(),
            capacity: self.capacity,
        }
    }
}

/// Serves until a signal comes.
pub(crate) fn serve(args: &ServeArgs, services: &dyn Services) -> Result<Exit> {
    let options = ServeOptions {
        data_dir: args.data_dir.clone(),
        listen: args.listen,
        database: args.database.clone(),
        with_runner: !args.no_runner,
        steps: args.steps.options(),
    };
    services
        .serve(&options)
        .map_err(|error| Error::environment(&error))?;
    Ok(Exit::Succeeded)
}
