//! `windlass run`.

use std::path::PathBuf;
use std::sync::Arc;

use windlass_api::Duration;
use windlass_api::Object;
use windlass_api::manifest::Manifest;
use windlass_api::names::is_dns_label;
use windlass_api::problem::Problems;
use windlass_api::validation::Flags;
use windlass_api::yaml;
use windlass_runtime::Client;

use crate::commands::plan;
use crate::error::Error;
use crate::error::Result;
use crate::exit::Exit;
use crate::input;
use crate::input::Assignment;
use crate::input::Choice;
use crate::launch;
use crate::launch::Launch;
use crate::launch::Wishes;
use crate::plane;
use crate::plane::Executor;
use crate::plane::Network;
use crate::plane::Plane;
use crate::plane::Planes;
use crate::progress::Follower;
use crate::progress::Interrupt;
use crate::progress::Interrupts;
use crate::progress::Live;
use crate::progress::LogDirectory;
use crate::progress::Plain;
use crate::progress::Progress;
use crate::progress::Silent;
use crate::progress::State;
use crate::progress::View;
use crate::report;
use crate::stats;
use crate::terminal;
use crate::terminal::Streams;

/// Examples at the end of the help.
const EXAMPLES: &str = "\
Examples:
  windlass run pipeline.yaml                       Run what the file holds
  windlass run task.yaml --param version=1.2.3     Run a lone Task with a value
  windlass run ci/ --pipeline build --workspace source=.
  windlass run p.yaml --param 'systems=[\"linux\",\"bsd\"]' --param 'image={\"name\":\"x\"}'
  generate | windlass run - --output json > outcome.json
  windlass run pipeline.yaml --dry-run             Show what would happen

A run object (TaskRun, PipelineRun, CustomRun) is run as it says; without one, a lone
Pipeline or Task is. The first Ctrl-C cancels and lets `finally` run, the second ends at once.

Exit codes:
  0  succeeded             3    wrong input, or unclear what to run
  1  the run failed        4    this machine cannot do what was asked
  2  wrong command line    130  cancelled";

/// Run the Tekton objects of files on this machine
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own on the command line"
)]
pub(crate) struct RunArgs {
    /// Files, directories, or - for stdin
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    choice: Choice,

    /// Give a parameter its value; arrays and objects as JSON, arrays also as a,b
    #[arg(long = "param", short, value_name = "NAME=VALUE", help_heading = "Values")]
    params: Vec<Assignment>,
    /// Read values of parameters from a YAML or JSON file; `--param` wins
    #[arg(long, value_name = "FILE", help_heading = "Values")]
    param_file: Option<PathBuf>,
    /// Bind a workspace: a directory (written in place), emptyDir, pvc:NAME, configmap:NAME or secret:NAME
    #[arg(
        long = "workspace",
        short,
        value_name = "NAME=SOURCE",
        help_heading = "Values"
    )]
    workspaces: Vec<Assignment>,
    /// Bound the duration of the run, for instance 90s or 1h30m; 0 is no bound
    #[arg(long, value_name = "DURATION", help_heading = "Values")]
    timeout: Option<Duration>,
    /// Label the run
    #[arg(long = "label", short, value_name = "KEY=VALUE", help_heading = "Values")]
    labels: Vec<Assignment>,
    /// Namespace of objects that name none
    #[arg(
        long,
        short,
        value_name = "NAME",
        default_value = "default",
        value_parser = namespace,
        help_heading = "Values"
    )]
    namespace: String,

    /// What runs steps: host, host-shared, container, engine or auto
    #[arg(
        long,
        value_name = "EXECUTOR",
        default_value = "host",
        hide_possible_values = true,
        help_heading = "Execution"
    )]
    executor: Executor,

    /// Network of containers: the machine's (host) or a task's own (private)
    #[arg(
        long,
        value_name = "NETWORK",
        default_value = "host",
        hide_possible_values = true,
        help_heading = "Execution"
    )]
    network: Network,

    /// Directory of the image store, instead of this user's
    #[arg(
        long,
        value_name = "DIR",
        env = "WINDLASS_IMAGES",
        hide_env_values = true,
        help_heading = "Execution"
    )]
    store: Option<PathBuf>,

    /// Run at most so many tasks at the same time; the default depends on the number of processors
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Execution")]
    max_parallel: Option<u16>,
    /// Cancel running siblings when a task fails
    #[arg(long, help_heading = "Execution")]
    fail_fast: bool,
    /// Enforce upstream's limit of 4096 bytes of results per task
    #[arg(long, help_heading = "Execution")]
    strict_limits: bool,
    /// Show what would run, in which order and with what, and run nothing
    #[arg(long, help_heading = "Execution")]
    dry_run: bool,

    /// Print the run and its children as one List, json or yaml; all else goes to stderr
    #[arg(
        long,
        short,
        value_name = "FORMAT",
        hide_possible_values = true,
        help_heading = "Output"
    )]
    output: Option<Format>,
    /// Leave out everything but the outcome
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
    /// Keep the output of each step in a file of its own, DIR/TASK/STEP.log
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    log_dir: Option<PathBuf>,
}

fn namespace(text: &str) -> std::result::Result<String, &'static str> {
    if is_dns_label(text) {
        Ok(text.to_owned())
    } else {
        Err("a namespace has lower case letters, digits and '-', and starts and ends with a letter or digit")
    }
}

/// Forms of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// JSON
    Json,
    /// YAML
    Yaml,
}

impl Format {
    fn write(self, mut value: serde_json::Value, streams: &mut Streams) {
        // As other tools print objects, which also makes two of them easy to compare.
        value.sort_all_objects();
        let text = match self {
            Self::Json => format!("{value:#}\n"),
            Self::Yaml => yaml::emit(&value),
        };
        streams.out.write(text.as_bytes());
    }
}

/// Runs files.
pub(crate) fn run(args: &RunArgs, planes: &dyn Planes, streams: &mut Streams) -> Result<Exit> {
    let mut manifest = input::read(&args.files, &args.namespace, &Flags::permissive())?;
    refuse(&mut manifest, streams)?;
    let chosen = args.choice.choose(&manifest)?;
    let launch = launch::prepare(&manifest, chosen, &args.wishes()?)?;
    if args.dry_run {
        match args.output {
            Some(format) => format.write(launch.run.to_json(), streams),
            None => streams
                .out
                .write(plan::describe(&launch, &manifest, streams.out.style()).as_bytes()),
        }
        return Ok(Exit::Succeeded);
    }
    drop(manifest);
    let log_directory = args.log_directory()?;
    let runtime = args
        .threads()
        .enable_all()
        .build()
        .map_err(|error| Error::environment(&anyhow::Error::new(error).context("start the runtime")))?;
    let exit = runtime.block_on(Box::pin(execute(args, launch, log_directory, planes, streams)));
    // Everything that matters was awaited; what is left may not hold up the end.
    runtime.shutdown_background();
    exit
}

/// Ends here when the input has errors; warnings are shown.
fn refuse(manifest: &mut Manifest, streams: &mut Streams) -> Result<()> {
    let problems: Problems = std::mem::take(&mut manifest.problems).into();
    if problems.has_errors() {
        return Err(problems
            .into_iter()
            .filter(windlass_api::problem::Problem::is_error)
            .collect::<Problems>()
            .into());
    }
    let mut text = String::new();
    problems
        .iter()
        .for_each(|problem| crate::error::push_problem(&mut text, problem));
    streams.err.write(text.as_bytes());
    Ok(())
}

impl RunArgs {
    fn wishes(&self) -> Result<Wishes> {
        let mut params = match &self.param_file {
            Some(file) => input::values(file)?,
            None => Vec::new(),
        };
        params.extend(self.params.iter().cloned());
        Ok(Wishes {
            params,
            workspaces: self.workspaces.clone(),
            timeout: self.timeout,
            labels: self.labels.clone(),
        })
    }

    /// The plane's own work is small and steps are other processes, so every thread costs more in wake-ups than it saves. One
    /// that shows is worth it where what is printed may have to wait: a stopped terminal or a full pipe then holds up nothing
    /// but itself.
    fn threads(&self) -> tokio::runtime::Builder {
        let at_once =
            terminal::takes_at_once(std::io::stdout()) && terminal::takes_at_once(std::io::stderr());
        if self.quiet || at_once {
            return tokio::runtime::Builder::new_current_thread();
        }
        let mut threads = tokio::runtime::Builder::new_multi_thread();
        threads.worker_threads(1);
        threads
    }

    fn log_directory(&self) -> Result<Option<LogDirectory>> {
        let Some(directory) = &self.log_dir else {
            return Ok(None);
        };
        let failed = |error: std::io::Error| {
            let what = format!("make the directory {}", directory.display());
            Error::environment(&anyhow::Error::new(error).context(what))
        };
        LogDirectory::new(directory).map(Some).map_err(failed)
    }

    fn options(&self, directories: Vec<(String, String, PathBuf)>) -> plane::Options {
        plane::Options {
            executor: self.executor,
            network: self.network,
            images: self.store.clone(),
            max_parallel: self.max_parallel.map(usize::from),
            strict_limits: self.strict_limits,
            fail_fast: self.fail_fast,
            directories,
        }
    }
}

async fn execute(
    args: &RunArgs,
    launch: Launch,
    log_directory: Option<LogDirectory>,
    planes: &dyn Planes,
    streams: &mut Streams,
) -> Result<Exit> {
    let mut interrupts = Interrupts::listen()
        .map_err(|error| Error::environment(&anyhow::Error::new(error).context("listen to signals")))?;
    let Launch {
        run,
        others,
        directories,
    } = launch;
    let plane = planes
        .start(args.options(directories))
        .await
        .map_err(|error| Error::environment(&error))?;
    let followed = Box::pin(follow(
        args,
        plane.as_ref(),
        run,
        others,
        log_directory,
        &mut interrupts,
        streams,
    ))
    .await;
    let exit = match &followed {
        Ok(progress) => conclude(args, plane.as_ref(), progress, &interrupts, streams).await,
        Err(error) => error.exit(),
    };
    plane.stop().await;
    followed.map(|_| exit)
}

/// Creates everything and follows the run to its end.
async fn follow(
    args: &RunArgs,
    plane: &dyn Plane,
    run: Object,
    others: Vec<Object>,
    log_directory: Option<LogDirectory>,
    interrupts: &mut Interrupts,
    streams: &mut Streams,
) -> Result<Progress> {
    let (client, clock) = (plane.client(), plane.clock());
    let Streams { out, err } = streams;
    let mut view: Box<dyn View> = match (args.quiet, args.output) {
        (true, _) => Box::new(Silent(err)),
        (false, None) if out.is_terminal() => Box::new(Live::new(out)),
        (false, None) => Box::new(Plain::new(out, Some(err))),
        (false, Some(_)) if err.is_terminal() => Box::new(Live::new(err)),
        (false, Some(_)) => Box::new(Plain::new(err, None)),
    };
    for object in others {
        client.create(object).await?;
    }
    let namespace = run.metadata().namespace.clone();
    let opened = Follower::open(
        Arc::clone(&client),
        clock,
        &namespace,
        view.as_mut(),
        log_directory,
    )
    .await;
    let mut follower = opened?;
    let root = client.create(run).await?;
    Ok(follower.follow(root, interrupts).await?)
}

/// Says how the run ended, and decides the exit code.
async fn conclude(
    args: &RunArgs,
    plane: &dyn Plane,
    progress: &Progress,
    interrupts: &Interrupts,
    streams: &mut Streams,
) -> Exit {
    let now = plane.clock().now();
    let client: Arc<dyn Client> = plane.client();
    let talk = if args.output.is_some() {
        &mut streams.err
    } else {
        &mut streams.out
    };
    let style = talk.style();
    let secrets = report::Secrets::of(&client).await;
    let text = if args.quiet {
        report::outcome(progress, now, style)
    } else {
        let summary = report::summary(&client, progress, &secrets, now, style).await;
        format!("\n{summary}")
    };
    talk.write(text.as_bytes());
    if let Some(format) = args.output {
        format.write(report::list(progress, &secrets), streams);
    }
    stats::write(progress);
    match progress.root_state() {
        State::Succeeded => Exit::Succeeded,
        _ if interrupts.so_far() > Interrupt::None => Exit::Cancelled,
        _ => Exit::Failed,
    }
}
