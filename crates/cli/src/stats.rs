//! What a run cost the plane, for benchmarks: `WINDLASS_STATS=FILE`.

use std::fs;

use rustix::time::ClockId;
use rustix::time::clock_gettime;
use serde_json::json;
use windlass_api::Object;

use crate::progress::Progress;

/// Names the file that receives the figures.
const VARIABLE: &str = "WINDLASS_STATS";

/// Writes the figures, if somebody asked for them. They are for developers: a failure is theirs to notice.
pub(crate) fn write(progress: &Progress) {
    let Some(path) = std::env::var_os(VARIABLE) else {
        return;
    };
    let used = clock_gettime(ClockId::ProcessCPUTime);
    let nanos = used
        .tv_sec
        .saturating_mul(1_000_000_000)
        .saturating_add(used.tv_nsec);
    let micros = u32::try_from(nanos / 1_000).unwrap_or(u32::MAX);
    let figures = json!({
        "plane_cpu_ms": f64::from(micros) / 1_000.0,
        "plane_max_rss_kb": peak_kilobytes(),
        "steps": steps(progress),
    });
    let _ = fs::write(path, format!("{figures}\n"));
}

/// `VmHWM`: the most memory this process ever held.
fn peak_kilobytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}

fn steps(progress: &Progress) -> usize {
    let of = |object: &Object| match object {
        Object::TaskRun(run) => run
            .status
            .steps
            .iter()
            .filter(|step| step.terminated.is_some())
            .count(),
        _ => 0,
    };
    of(progress.root()) + progress.runs().map(|(_, run)| of(&run.object)).sum::<usize>()
}
