//! `cargo xtask bench`: the product and its rivals, side by side, in one run.
//!
//! # Guarantees
//! Every figure is a median, rivals alternate with us within the same minute, and the machine's floors of the
//! moment are printed beside them. Nothing is asserted: a shared machine varies by a factor of two.

mod containers;
mod floors;
mod measure;
mod workload;

use std::path::Path;
use std::process::Command;
use std::process::ExitCode;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

use crate::binary;
use crate::binary::Profile;
use crate::process;
use crate::workspace;
use measure::Sample;
use workload::Workload;

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Rounds; the median of them is printed
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Commands at a time, for make and for us
    #[arg(long, default_value_t = 2)]
    parallel: usize,
    /// Only workloads whose name contains this
    #[arg(long)]
    filter: Option<String>,
    /// Leave out the planning scale, which builds an example of the engine
    #[arg(long)]
    no_planning: bool,
}

/// Executors that are measured.
const EXECUTORS: &[&str] = &["host", "host-shared"];

/// Starts whose first byte is awaited, for the latency figure.
const STARTS: usize = 20;

/// Builds a release binary and prints the figures.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    ensure!(
        process::on_path("make"),
        "GNU make is the rival here, and is not installed (Debian package make)"
    );
    let windlass = binary::build(Profile::Release)?;
    let folder = workspace::target()?.join("bench");
    std::fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    floors::print(&folder)?;
    println!();
    for workload in workload::ALL {
        if arguments
            .filter
            .as_deref()
            .is_none_or(|filter| workload.name.contains(filter))
        {
            compare(workload, &windlass, &folder, arguments)?;
        }
    }
    for executor in EXECUTORS {
        let median = measure::first_byte(&windlass, &folder, executor, STARTS)?;
        println!(
            "start to first byte  {executor:<12} {:>8.1} ms (median of {STARTS})",
            median * 1e3
        );
    }
    if arguments
        .filter
        .as_deref()
        .is_none_or(|filter| "containers".contains(filter))
    {
        containers::compare(&windlass, &folder, arguments.rounds)?;
    }
    if !arguments.no_planning {
        plan_scaling()?;
    }
    Ok(ExitCode::SUCCESS)
}

fn compare(workload: &Workload, windlass: &Path, folder: &Path, arguments: &Arguments) -> Result<()> {
    let files = workload.write(folder)?;
    let mut make = Vec::new();
    let mut ours: Vec<(&str, Vec<Sample>)> = EXECUTORS.iter().map(|name| (*name, Vec::new())).collect();
    for _ in 0..arguments.rounds.max(1) {
        make.push(measure::make(&files.makefile, arguments.parallel)?);
        for (executor, samples) in &mut ours {
            samples.push(measure::windlass(
                windlass,
                &files.pipeline,
                executor,
                arguments.parallel,
            )?);
        }
    }
    let base = measure::median(make);
    println!(
        "{:<20} make -j{:<5} {base:>8.3} s",
        workload.name, arguments.parallel
    );
    for (executor, samples) in ours {
        let wall = measure::median(samples.iter().map(|sample| sample.wall).collect());
        let plane: Vec<f64> = samples.iter().filter_map(|sample| sample.plane_cpu_ms).collect();
        let rss = samples.iter().filter_map(|sample| sample.plane_rss_kb).max();
        print!(
            "{:<20} {executor:<12} {wall:>8.3} s  {:>5.2} × make",
            "",
            wall / base
        );
        if plane.is_empty() {
            print!("  plane CPU not reported");
        } else {
            print!(
                "  plane CPU {:.3} ms/step",
                measure::median(plane) / f64::from(workload.steps())
            );
        }
        println!(
            "{}",
            rss.map(|kb| format!("  plane RSS {} MB", kb / 1024))
                .unwrap_or_default()
        );
    }
    Ok(())
}

fn plan_scaling() -> Result<()> {
    println!("\nplanning:");
    let mut cargo = Command::new(workspace::cargo());
    cargo.args([
        "run",
        "--quiet",
        "--release",
        "--package",
        "windlass-engine",
        "--example",
        "plan_scaling",
    ]);
    let status = cargo
        .current_dir(workspace::root())
        .status()
        .context("run the planning example")?;
    if !status.success() {
        println!("the planning example did not run");
    }
    Ok(())
}
