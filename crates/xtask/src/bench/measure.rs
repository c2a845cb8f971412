//! One measurement of one command.

use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::time::Instant;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;
use serde_json::Value;

/// One run of ours.
pub(crate) struct Sample {
    /// Seconds from start to end of the command.
    pub(crate) wall: f64,
    /// CPU of the control plane alone, in milliseconds, as it reports itself.
    pub(crate) plane_cpu_ms: Option<f64>,
    /// Largest resident set of the control plane.
    pub(crate) plane_rss_kb: Option<u64>,
}

/// The middle of the values; NaN when there are none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Runs the Makefile; returns seconds.
pub(crate) fn make(makefile: &Path, parallel: usize) -> Result<f64> {
    let mut make = Command::new("make");
    make.arg("--silent")
        .arg(format!("-j{parallel}"))
        .arg("-f")
        .arg(makefile);
    timed(&mut make)
}

/// Runs the pipeline on one executor.
pub(crate) fn windlass(binary: &Path, pipeline: &Path, executor: &str, parallel: usize) -> Result<Sample> {
    let statistics = pipeline.with_extension("stats.json");
    // Left over from an earlier run; absent on the first.
    let _ = std::fs::remove_file(&statistics);
    let mut command = Command::new(binary);
    command
        .args([
            "run",
            "--executor",
            executor,
            "--max-parallel",
            &parallel.to_string(),
        ])
        .arg(pipeline);
    command.env("WINDLASS_STATS", &statistics);
    let wall = timed(&mut command)?;
    let reported: Option<Value> = std::fs::read(&statistics)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let field = |name: &str| reported.as_ref().and_then(|value| value.get(name));
    Ok(Sample {
        wall,
        plane_cpu_ms: field("plane_cpu_ms").and_then(Value::as_f64),
        plane_rss_kb: field("plane_max_rss_kb").and_then(Value::as_u64),
    })
}

pub(crate) fn timed(command: &mut Command) -> Result<f64> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let started = Instant::now();
    let status = command
        .status()
        .with_context(|| format!("run {}", command.get_program().display()))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(started.elapsed().as_secs_f64())
}

/// A line no other output holds.
const MARK: &str = "first-byte-of-the-first-step";

/// Seconds from starting the command until the first line of its first step can be read; the median.
pub(crate) fn first_byte(binary: &Path, folder: &Path, executor: &str, starts: usize) -> Result<f64> {
    let file = folder.join("first-byte.yaml");
    let text = format!(
        "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata:\n  name: first\nspec:\n  taskSpec:\n    steps:\n      \
         - name: echo\n        image: busybox\n        command: [sh, -c, \"echo {MARK}\"]\n"
    );
    std::fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
    let mut seconds = Vec::new();
    for _ in 0..starts {
        let mut command = Command::new(binary);
        command.args(["run", "--executor", executor]).arg(&file);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let started = Instant::now();
        let mut child = command.spawn().context("start windlass")?;
        let stdout = BufReader::new(child.stdout.take().context("windlass has no stdout")?);
        let mut seen = None;
        for line in stdout.split(b'\n') {
            let line = line.context("read the output of windlass")?;
            if seen.is_none() && String::from_utf8_lossy(&line).contains(MARK) {
                seen = Some(started.elapsed());
            }
        }
        let status = child.wait().context("wait for windlass")?;
        let seen =
            seen.with_context(|| format!("the step's line never came; windlass ended with {status}"))?;
        seconds.push(seen.as_secs_f64());
    }
    Ok(median(seconds))
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_ignores_outliers() {
        assert!((median(vec![9.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!(median(Vec::new()).is_nan());
    }
}
