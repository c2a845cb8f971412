//! What the machine can do at this moment, without us.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::time::Instant;

use anyhow::Context;
use anyhow::Result;

use super::measure;

/// Processes started for the rate: about a second's worth.
const STARTS: u32 = 500;

/// Appends flushed for the median.
const FLUSHES: usize = 200;

/// Prints cores, the rate of process starts from one thread, and the time of a durable append.
pub(crate) fn print(folder: &Path) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    println!("floors of this moment, on {cores} cores:");
    println!(
        "  fork + exec + wait  {:>8.0} per second, one after another",
        start_rate()?
    );
    println!(
        "  4 KB append + fsync {:>8.0} µs (median of {FLUSHES})",
        flush_seconds(folder)? * 1e6
    );
    Ok(())
}

fn start_rate() -> Result<f64> {
    let started = Instant::now();
    for _ in 0..STARTS {
        Command::new("true")
            .stdin(Stdio::null())
            .status()
            .context("run true")?;
    }
    Ok(f64::from(STARTS) / started.elapsed().as_secs_f64())
}

fn flush_seconds(folder: &Path) -> Result<f64> {
    let path = folder.join("fsync");
    let mut file = File::create(&path).with_context(|| format!("create {}", path.display()))?;
    let mut seconds = Vec::with_capacity(FLUSHES);
    for _ in 0..FLUSHES {
        let started = Instant::now();
        file.write_all(&[0; 4096])
            .and_then(|()| file.sync_all())
            .context("append to a file")?;
        seconds.push(started.elapsed().as_secs_f64());
    }
    std::fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
    Ok(measure::median(seconds))
}
