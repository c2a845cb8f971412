//! Starts sidecars, waits for them to be ready, and stops them after the last step.

use std::time::Duration;
use std::time::SystemTime;

use futures::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::backend::Launch;
use crate::backend::Running;
use crate::backend::Sandbox;
use crate::backend::Tee;
use crate::job::Job;
use crate::mask::Masks;
use crate::observation::Observation;
use crate::observation::SidecarReport;
use crate::observation::StartFailure;
use crate::output::LogKey;
use crate::output::Output;
use crate::runner::attempt::Plane;
use crate::runner::control::Cancel;
use crate::runner::control::Control;
use crate::runner::control::Stops;
use crate::runner::process::attend;
use crate::runner::readiness::ready;

/// The sidecars of an attempt. Each is looked after by a task of its own; dropping this ends them all.
#[derive(Default)]
pub(super) struct Sidecars {
    tasks: JoinSet<()>,
    started: Vec<Started>,
}

struct Started {
    control: Control,
    report: watch::Receiver<Option<SidecarReport>>,
    since: SystemTime,
    image_id: String,
}

impl Sidecars {
    /// Starts all sidecars in order.
    pub(super) async fn start(
        &mut self,
        plane: &Plane,
        sandbox: &mut dyn Sandbox,
        job: &Job,
        masks: &Masks,
        observe: &mut (dyn FnMut(Observation) + Send),
    ) -> Result<(), StartFailure> {
        for (index, sidecar) in job.sidecars.iter().enumerate() {
            let container = format!("sidecar-{}", sidecar.name);
            let (output, sink) = Output::open(LogKey::new(job, &container), plane.logs.clone(), masks);
            let launch = Launch {
                container: &container,
                process: &sidecar.process,
                tee: Tee::default(),
                output: sink,
            };
            let running = sandbox.start(launch).await?;
            let at = SystemTime::now();
            let image_id = running.image_id().to_owned();
            observe(Observation::SidecarStarted {
                sidecar: index,
                at,
                image_id: image_id.clone(),
            });
            let control = Control::new();
            let (report, reported) = watch::channel(None);
            let stops = Stops::new(&control, None);
            self.started.push(Started {
                control,
                report: reported,
                since: at,
                image_id: image_id.clone(),
            });
            self.tasks.spawn(look_after(
                running,
                output,
                stops,
                plane.config.sidecar_grace,
                at,
                image_id,
                report,
            ));
        }
        Ok(())
    }

    /// Waits until each sidecar is ready or has ended by itself. Cancel-safe in the sense that probing starts over.
    pub(super) async fn ready(&self, sandbox: &dyn Sandbox, job: &Job) {
        join_all(
            job.sidecars
                .iter()
                .zip(&self.started)
                .map(|(sidecar, started)| async move {
                    let Some(probe) = &sidecar.readiness else { return };
                    let mut report = started.report.clone();
                    tokio::select! {
                        () = ready(sandbox, sidecar, probe) => {}
                        _ = report.wait_for(Option::is_some) => {}
                    }
                }),
        )
        .await;
    }

    /// Stops those that still run and reports on all; `stops` can make it harsher.
    pub(super) async fn stop(mut self, stops: &mut Stops) -> Vec<SidecarReport> {
        for sidecar in &self.started {
            sidecar.control.cancel(Cancel::Graceful);
        }
        loop {
            tokio::select! {
                biased;
                ended = self.tasks.join_next() => {
                    if ended.is_none() {
                        break;
                    }
                }
                stop = stops.next() => {
                    if stop.force == Cancel::Kill {
                        self.started.iter().for_each(|sidecar| sidecar.control.cancel(Cancel::Kill));
                    }
                }
            }
        }
        self.started.into_iter().map(Started::report).collect()
    }
}

impl Started {
    fn report(self) -> SidecarReport {
        let report = self.report.borrow().clone();
        report.unwrap_or_else(|| SidecarReport {
            started_at: self.since,
            finished_at: SystemTime::now(),
            exit_code: None,
            out_of_memory: false,
            image_id: self.image_id,
        })
    }
}

async fn look_after(
    mut running: Box<dyn Running>,
    mut output: Output,
    mut stops: Stops,
    grace: Duration,
    started_at: SystemTime,
    image_id: String,
    report: watch::Sender<Option<SidecarReport>>,
) {
    let ended = attend(running.as_mut(), &mut output, &mut stops, grace).await;
    let exit = ended.exit.ok();
    report.send_replace(Some(SidecarReport {
        started_at,
        finished_at: ended.at,
        exit_code: exit.filter(|_| ended.stopped.is_none()).map(|exit| exit.code),
        out_of_memory: exit.is_some_and(|exit| exit.out_of_memory),
        image_id,
    }));
}
