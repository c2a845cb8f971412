//! `windlass runner`: executes what a server hands out.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use windlass_cli::plane::Options;
use windlass_cli::services::RunnerOptions;
use windlass_executor::job::Secret;
use windlass_executor::remote;
use windlass_executor::runner::RunnerConfig;

use crate::executors;

/// Runs until a signal comes, the server refuses, or it lingered in vain.
pub(super) async fn run(options: &RunnerOptions, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    let read = |path: &PathBuf| std::fs::read(path).with_context(|| format!("read {}", path.display()));
    let mut config = RunnerConfig::default();
    if let Some(capacity) = options.steps.capacity {
        config.capacity = capacity;
    }
    let name = match &options.name {
        Some(name) => name.clone(),
        None => rustix::system::uname().nodename().to_string_lossy().into_owned(),
    };
    let data_dir = match &options.data_dir {
        Some(directory) => directory.clone(),
        None => default_root().context("there is no place for what runs: name one with --data-dir DIR")?,
    };
    let started = executors::start(&Options {
        executor: options.steps.executor,
        network: options.steps.network,
        images: options.steps.images.clone(),
        ..Options::default()
    })
    .await?;
    let backend = started.backend();
    let remote = remote::Options {
        server: options.server.clone(),
        token: Secret::new(read(&options.token_file)?),
        ca: options.ca_file.as_ref().map(read).transpose()?,
        name,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        executors: vec![backend.name().to_owned()],
        labels: options.labels.iter().cloned().collect(),
        data_dir,
        linger: options.linger.map(Duration::from_secs),
    };
    let running = remote::run(remote, backend, windlass_pipelines::expand_step, config);
    let ended = tokio::select! {
        ended = running => ended,
        () = stop => Ok(()),
    };
    started.end().await;
    Ok(ended?)
}

fn default_root() -> Option<PathBuf> {
    if rustix::process::geteuid().is_root() {
        return Some(PathBuf::from("/var/lib/windlass/runner"));
    }
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty())?;
    Some(PathBuf::from(home).join(".local/share/windlass/runner"))
}
