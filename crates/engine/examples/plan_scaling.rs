//! Measures what planning costs: pipelines are stepped to their end, with a plan after every report.
//!
//! `cargo run --release -p windlass-engine --example plan_scaling`

#![expect(
    clippy::disallowed_methods,
    reason = "measuring needs a clock; the engine itself has none"
)]

use std::collections::VecDeque;
use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use windlass_api::Time;
use windlass_engine::Graph;
use windlass_engine::NodeId;
use windlass_engine::Phase;
use windlass_engine::Progress;
use windlass_engine::graph;
use windlass_engine::graph::EdgeKind;
use windlass_engine::graph::Node;
use windlass_engine::plan::Command;
use windlass_engine::plan::Directive;
use windlass_engine::state::Event;

/// A shape by the width of its layers, given the number of tasks.
type Shape = (&'static str, fn(u32) -> u32);

const SHAPES: [Shape; 3] = [
    ("wide", |tasks| tasks),
    ("chain", |_| 1),
    ("lattice", |tasks| tasks.isqrt()),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{:<8} {:>7} {:>10} {:>10} {:>12}",
        "shape", "tasks", "build ms", "run ms", "ns per task"
    )?;
    for (name, width) in SHAPES {
        for tasks in [100, 1_000, 10_000] {
            // Small pipelines are over too fast to time one.
            let rounds = 10_000 / tasks;
            let start = Instant::now();
            let graph = layered(tasks, width(tasks))?;
            let built = start.elapsed();
            let start = Instant::now();
            for _ in 0..rounds {
                black_box(run(&graph)?);
            }
            let ran = start.elapsed() / rounds;
            writeln!(
                out,
                "{name:<8} {tasks:>7} {:>10.2} {:>10.2} {:>12}",
                built.as_secs_f64() * 1e3,
                ran.as_secs_f64() * 1e3,
                ran.as_nanos() / u128::from(tasks),
            )?;
        }
    }
    if let Some(peak) = peak_memory() {
        writeln!(out, "peak memory of this process: {peak}")?;
    }
    Ok(())
}

/// The most memory this process ever held, as the kernel tells it.
fn peak_memory() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().to_owned())
}

/// Layers of `width` tasks; each task waits for two of the layer before.
fn layered(tasks: u32, width: u32) -> Result<Graph, graph::Error> {
    let mut builder = Graph::builder();
    for place in 0..tasks {
        let child = builder.node(Node::dag(format!("task-{place}")));
        if let Some(above) = place.checked_sub(width) {
            let beside = above - above % width + (above + 1) % width;
            builder.edge(NodeId::new(above), child, EdgeKind::Order);
            builder.edge(NodeId::new(beside), child, EdgeKind::Resource);
        }
    }
    builder.build()
}

/// Runs every task to success; tells how many plans it took.
fn run(graph: &Graph) -> Result<usize, Box<dyn std::error::Error>> {
    let now = Time::from_millis(0);
    let mut progress = Progress::new(graph);
    let mut running = VecDeque::new();
    for plans in 1.. {
        let plan = progress.advance(Directive::default(), &(), now);
        if matches!(plan.phase, Phase::Done(_)) {
            return Ok(plans);
        }
        for command in plan.commands {
            if let Command::Start { node } = command {
                progress.apply(node, Event::Started)?;
                running.push_back(node);
            }
        }
        let node = running.pop_front().ok_or("nothing runs and nothing starts")?;
        progress.apply(node, Event::Succeeded)?;
    }
    Err("the run does not end".into())
}
