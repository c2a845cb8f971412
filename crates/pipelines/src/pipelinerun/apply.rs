//! Carrying out what was planned.

use std::sync::Arc;

use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::Resource as _;
use windlass_api::reasons::pipeline_run;
use windlass_api::tekton::CustomRun;
use windlass_api::tekton::PipelineRun;
use windlass_api::tekton::TaskRun;
use windlass_engine::plan::CancelCause;
use windlass_runtime::Client;
use windlass_runtime::client::Error;
use windlass_runtime::client::Result;

use super::children::Draft;
use super::observe::belongs_to;
use super::tracker::Child;
use super::validate::Refusal;

/// How a child is told that is stopped for a timeout of its run.
const TIMED_OUT: &str = "cancelled as the PipelineRun it belongs to has timed out.";

/// Whether this is what a child was told that is stopped for a timeout of its run.
pub(crate) fn is_timeout(why: &str) -> bool {
    why.split_once(' ').is_some_and(|(_, why)| why == TIMED_OUT)
}

/// How a child is told that is stopped because its run is.
const CANCELLED: &str = "cancelled as the PipelineRun it belongs to has been cancelled.";

/// How a child is told that is stopped because a sibling failed.
const FAILED_FAST: &str = "cancelled as another task of the PipelineRun it belongs to has failed.";

/// Creates a child, or takes the one that an earlier reconcile created.
pub(crate) async fn create(
    client: &dyn Client,
    uid: &str,
    draft: &Draft,
) -> Result<std::result::Result<Object, Refusal>> {
    let failed = |message: String| Ok(Err(Refusal::new(pipeline_run::CREATE_RUN_FAILED, message)));
    match client.create(draft.object.clone()).await {
        Ok(object) => Ok(Ok(object)),
        Err(Error::Invalid(message)) => failed(message),
        Err(Error::AlreadyExists(message)) => match client.get(&draft.object.key()).await? {
            Some(object) if belongs_to(&object, uid) => Ok(Ok(object)),
            Some(_) => failed(format!("{message}, and it does not belong to this PipelineRun")),
            None => Err(Error::Conflict(message)),
        },
        Err(error) => Err(error),
    }
}

/// Tells a child to stop.
pub(crate) async fn cancel(
    client: &dyn Client,
    namespace: &str,
    child: &Child,
    cause: CancelCause,
) -> Result<()> {
    let key = Key::new(child.kind, namespace, child.name.as_str());
    let why = match cause {
        CancelCause::Requested => CANCELLED,
        CancelCause::FailFast => FAILED_FAST,
        CancelCause::PipelineTimeout | CancelCause::TasksTimeout | CancelCause::FinallyTimeout => TIMED_OUT,
    };
    let why = format!("{} {why}", child.kind);
    let written = match child.kind {
        Kind::TaskRun => {
            let change = |run: &mut TaskRun| {
                let spec = Arc::make_mut(&mut run.spec);
                "TaskRunCancelled".clone_into(&mut spec.status);
                spec.status_message.clone_from(&why);
            };
            client.modify::<TaskRun>(&key, change).await.map(drop)
        }
        Kind::CustomRun => {
            let change = |run: &mut CustomRun| {
                "RunCancelled".clone_into(&mut run.spec.status);
                run.spec.status_message.clone_from(&why);
            };
            client.modify::<CustomRun>(&key, change).await.map(drop)
        }
        // Upstream leaves the pipeline of a pipeline running; what was asked to stop should stop.
        Kind::PipelineRun => {
            let change = |run: &mut PipelineRun| {
                pipeline_run::REQUEST_CANCELLED.clone_into(&mut Arc::make_mut(&mut run.spec).status);
            };
            client.modify::<PipelineRun>(&key, change).await.map(drop)
        }
        _ => Ok(()),
    };
    match written {
        // Admission refuses to change a run that has just ended, which is what was wanted.
        Err(Error::Invalid(_)) => Ok(()),
        other => other,
    }
}

/// Writes a status. Only this reconciler does, so the newest object's other parts do not matter to it.
pub(crate) async fn write_status(
    client: &dyn Client,
    run: &PipelineRun,
    status: windlass_api::tekton::pipelinerun::PipelineRunStatus,
) -> Result<()> {
    if status == run.status {
        return Ok(());
    }
    let mut next = PipelineRun {
        metadata: run.metadata.clone(),
        spec: Arc::clone(&run.spec),
        status,
    };
    next.metadata.resource_version.clear();
    match client.update_status(Arc::new(next).into_object()).await {
        Ok(_) | Err(Error::NotFound(_)) => Ok(()),
        Err(error) => Err(error),
    }
}
