//! Events on objects: what happened to a run, told to people.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hash as _;
use std::hash::Hasher as _;
use std::sync::Arc;

use windlass_api::Kind;
use windlass_api::Resource as _;
use windlass_api::Time;
use windlass_api::cluster::Event as Announcement;
use windlass_api::cluster::EventSource;
use windlass_api::core::ObjectReference;
use windlass_api::meta::ObjectMeta;
use windlass_api::names;
use windlass_runtime::Clock;
use windlass_store::EventType;
use windlass_store::Store;
use windlass_store::Write;

use super::run::Run;

/// Who tells, as upstream's users look for it.
const COMPONENT: &str = "Tekton";

/// Most characters of a message (the API server's limit of 1,024).
const LONGEST: usize = 1_024;

/// Says of every run when it started, what it is doing, and how it ended, for as long as it is polled.
///
/// What was said stays known by its name, which follows from what it says: nothing is told twice, also not after a restart.
pub async fn announce(store: Store, clock: Arc<dyn Clock>) {
    loop {
        let version = store.list(Kind::PipelineRun, None).version;
        let Ok(mut watch) = store.watch(&[Kind::PipelineRun, Kind::TaskRun], None, Some(version)) else {
            return;
        };
        while let Some(event) = watch.next().await {
            if event.kind == EventType::Deleted {
                continue;
            }
            let Some(told) = Run::of(&event.object).and_then(|run| announcement(&run, clock.now())) else {
                continue;
            };
            let written = store
                .commit(vec![Write::Create(Arc::new(told).into_object())])
                .await;
            if let Err(error) = written
                && !matches!(error, windlass_store::Error::AlreadyExists(_))
            {
                tracing::debug!(%error, "an event was not written");
            }
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}

/// What there is to say about a run as it is.
pub(super) fn announcement(run: &Run<'_>, now: Time) -> Option<Announcement> {
    let condition = run.condition?;
    let (kind, reason) = match condition.status.as_str() {
        "False" => ("Warning", "Failed"),
        "True" => ("Normal", "Succeeded"),
        _ if condition.reason == "Started" => ("Normal", "Started"),
        _ => ("Normal", condition.reason.as_str()),
    };
    let mut message: String = condition.message.chars().take(LONGEST).collect();
    if reason == "Started" {
        message.clear();
    }
    let at = condition
        .last_transition_time
        .unwrap_or(now)
        .truncated_to_seconds();
    Some(Announcement {
        metadata: ObjectMeta {
            name: name(run, reason, &message),
            namespace: run.metadata.namespace.clone(),
            ..ObjectMeta::default()
        },
        involved_object: ObjectReference {
            api_version: run.kind.api_version().to_owned(),
            kind: run.kind.as_str().to_owned(),
            namespace: run.metadata.namespace.clone(),
            name: run.metadata.name.clone(),
            uid: run.metadata.uid.clone(),
            resource_version: run.metadata.resource_version.clone(),
            ..ObjectReference::default()
        },
        reason: reason.to_owned(),
        message,
        source: EventSource {
            component: COMPONENT.to_owned(),
            host: String::new(),
        },
        first_timestamp: Some(at),
        last_timestamp: Some(at),
        count: 1,
        r#type: kind.to_owned(),
        reporting_component: COMPONENT.to_owned(),
        ..Announcement::default()
    })
}

/// A name that follows from what is said of whom.
fn name(run: &Run<'_>, reason: &str, message: &str) -> String {
    let mut hasher = DefaultHasher::new();
    (&run.metadata.uid, reason, message).hash(&mut hasher);
    let suffix = format!(".{:016x}", hasher.finish());
    let room = names::SUBDOMAIN_MAX - suffix.len();
    let stem: String = run.metadata.name.chars().take(room).collect();
    format!("{stem}{suffix}")
}

/// The event as an object, for tests of this module's parent.
#[cfg(test)]
pub(super) fn of(object: &windlass_api::Object, now: Time) -> Option<Announcement> {
    announcement(&Run::of(object)?, now)
}
