//! Tekton's examples: every file, a fixed number at a time, one table and one summary.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use anyhow::Result;
use clap::Parser;

use super::harness;
use super::harness::Report;
use super::harness::Setting;
use super::index;
use super::index::Example;
use super::index::Verdict;
use crate::binary;
use crate::binary::Profile;
use crate::images::Registry;
use crate::tally::Tally;
use crate::workspace;

/// Which files, on what.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Executor that runs the steps; `container` takes its images from a registry that is started for it
    #[arg(long, value_enum, default_value = "host")]
    executor: Executor,
    /// Only files whose path contains this
    #[arg(long)]
    filter: Option<String>,
    /// Files at a time; most of them sleep most of their time
    #[arg(long, default_value_t = 8)]
    jobs: usize,
    /// Seconds a file may take
    #[arg(long, default_value_t = 300)]
    deadline: u64,
    /// Also run files that the index rules out
    #[arg(long)]
    all: bool,
}

/// Where steps run.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Executor {
    /// This machine's programs, in a view of their own
    Host,
    /// This machine's programs, in the view of the plane
    HostShared,
    /// The images that the steps name
    Container,
}

impl Executor {
    fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::HostShared => "host-shared",
            Self::Container => "container",
        }
    }
}

impl Arguments {
    /// The whole suite, on this executor.
    pub(crate) fn on(executor: Executor) -> Self {
        #[derive(Parser)]
        struct Alone {
            #[command(flatten)]
            arguments: Arguments,
        }
        Self {
            executor,
            ..Alone::parse_from(["conformance"]).arguments
        }
    }
}

/// Runs the corpus and prints the table; the caller prints the summary.
///
/// # Errors
/// When there is no corpus, the binary does not build, or images are needed and cannot be had. A file that does not
/// end as upstream says is no error, but counted as failed.
pub(crate) fn run(arguments: &Arguments) -> Result<Tally> {
    let corpus = workspace::corpus().context("there is no corpus; set WINDLASS_CORPUS to its folder")?;
    let corpus = corpus.canonicalize().context("resolve the corpus folder")?;
    let in_images = arguments.executor == Executor::Container;
    let registry = in_images.then(Registry::start).transpose()?;
    let windlass = binary::build(Profile::Dev)?;
    let kept = workspace::target()?
        .join("conformance")
        .join(arguments.executor.name());
    let store = Store::empty(&kept)?;
    let setting = Setting {
        windlass: &windlass,
        executor: arguments.executor.name(),
        images: registry
            .as_ref()
            .map(|registry| (registry, store.folder.as_path())),
        deadline: Duration::from_secs(arguments.deadline),
    };
    let mut examples = index::read(&corpus)?;
    if let Some(filter) = &arguments.filter {
        examples.retain(|example| example.path.to_string_lossy().contains(filter.as_str()));
    }
    let mut tally = Tally::default();
    let mut skipped = BTreeMap::<&str, Vec<&Path>>::new();
    let mut runnable = Vec::new();
    for example in &examples {
        match example.verdict(in_images) {
            Verdict::Skip(reason) if !arguments.all => skipped.entry(reason).or_default().push(&example.path),
            _ => runnable.push(example),
        }
    }
    let one = |example: &Example| {
        let file = corpus.join("tekton").join(&example.path);
        harness::run(&setting, &file, &kept.join(&example.path))
    };
    in_parallel(&runnable, arguments.jobs, &one, |path, report| {
        print_row(path, &report, &mut tally);
    });
    if in_images {
        println!("digests that files pin were replaced by those of the test images");
    }
    for (reason, paths) in skipped {
        tally.skipped += paths.len();
        println!("skipped: {reason}: {} files", paths.len());
        for path in paths {
            println!("    {}", path.display());
        }
    }
    Ok(tally)
}

/// A store of images for one run of the suite, removed with it.
struct Store {
    folder: PathBuf,
}

impl Store {
    fn empty(kept: &Path) -> Result<Self> {
        let folder = kept.join(format!("store-{}", std::process::id()));
        std::fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        Ok(Self { folder })
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // What is left is in the way of nobody, and the next clean build removes it.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn print_row(path: &Path, report: &Result<Report>, tally: &mut Tally) {
    match report {
        Ok(report) if report.passed => {
            tally.passed += 1;
            println!(
                "ok      {:>7.2} s  {}",
                report.elapsed.as_secs_f64(),
                path.display()
            );
        }
        Ok(report) => {
            tally.failed += 1;
            println!(
                "FAILED  {:>7.2} s  {}",
                report.elapsed.as_secs_f64(),
                path.display()
            );
            println!(
                "                   {}",
                report.why.trim().replace('\n', "\n                   ")
            );
        }
        Err(error) => {
            tally.failed += 1;
            println!("FAILED             {}: {error:#}", path.display());
        }
    }
}

/// Runs `one` for every example on `jobs` threads, handing each report to `ended` as it comes.
fn in_parallel<F>(examples: &[&Example], jobs: usize, one: &F, mut ended: impl FnMut(&Path, Result<Report>))
where
    F: Fn(&Example) -> Result<Report> + Sync,
{
    let next = &AtomicUsize::new(0);
    let (sender, reports) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            let sender = sender.clone();
            scope.spawn(move || {
                while let Some(example) = examples.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // The receiver outlives the threads.
                    let _ = sender.send((example.path.clone(), one(example)));
                }
            });
        }
        drop(sender);
        for (path, report) in reports {
            ended(&path, report);
        }
    });
}
