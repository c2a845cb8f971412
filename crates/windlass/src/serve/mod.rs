//! `windlass serve`: a whole plane on disk, with the resource API in front.

mod local;
mod place;
mod plane;
mod runner;

use std::future::Future;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use windlass_cli::services::RunnerOptions;
use windlass_cli::services::ServeOptions;
use windlass_cli::services::Services;
use windlass_server::api;

use place::Place;

/// Starts the programs that go on in this process.
pub(crate) struct InThisProcess;

impl Services for InThisProcess {
    fn serve(&self, options: &ServeOptions) -> anyhow::Result<()> {
        let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        threads.context("start threads")?.block_on(serve(options))
    }

    fn run(&self, options: &RunnerOptions) -> anyhow::Result<()> {
        let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        threads.context("start threads")?.block_on(async {
            let stop = stopped()?;
            runner::run(options, stop).await
        })
    }
}

async fn serve(options: &ServeOptions) -> anyhow::Result<()> {
    anyhow::ensure!(
        options.database.is_none(),
        "state in PostgreSQL is not there yet: leave --database out, and state is kept in --data-dir"
    );
    let place = Place::open(options.data_dir.as_deref())?;
    let listener = TcpListener::bind(options.listen).await;
    let listener = listener.with_context(|| format!("listen on {}", options.listen))?;
    let address = listener.local_addr().context("find the address")?;
    let plane = plane::start(options, &place).await?;
    let authority = place.authority()?;
    let names = rustix::system::uname().nodename().to_str().map(str::to_owned);
    let names: Vec<String> = names.into_iter().collect();
    let tls = authority.acceptor(&[address.ip()], &names)?;
    place.write_kubeconfig(&plane.store, address, &authority).await?;
    say(&format!(
        "windlass serves at https://{address}, state in {}",
        place.root().display()
    ));
    say(&format!("  export KUBECONFIG={}", place.kubeconfig().display()));
    say("  kubectl get pipelineruns");
    let stop = stopped()?;
    let served = api::listen(plane.router(), listener, tls, stop).await;
    plane.stop().await;
    served.context("serve")
}

/// Tells the operator something; a closed terminal is no reason to stop.
fn say(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Ends when a signal asks to stop.
fn stopped() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let mut interrupt = signal(SignalKind::interrupt()).context("listen for signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("listen for signals")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
