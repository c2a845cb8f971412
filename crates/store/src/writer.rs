//! The one thread that writes: it takes whatever waits, decides it, has it kept, and then shows it.
//!
//! Many commits share one wait for the disk. A commit is acknowledged when it is on disk and in memory, never before.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::sync::oneshot;
use windlass_api::Object;

use crate::backend::Backend;
use crate::backend::Record;
use crate::commit::View;
use crate::error::Error;
use crate::store::Inner;
use crate::write::Event;
use crate::write::Write;

/// Commits that share one wait for the disk at most.
const BATCH: usize = 1_024;

/// Commits that may wait to be taken.
pub(crate) const WAITING: usize = 4_096;

/// What a writer answers: the objects as stored.
type Answer = Result<Vec<Object>, Error>;

/// A commit that waits.
pub(crate) struct Request {
    pub(crate) writes: Vec<Write>,
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// Writes until nobody can ask any more.
pub(crate) fn run(inner: &Arc<Inner>, mut requests: mpsc::Receiver<Request>, mut backend: Box<dyn Backend>) {
    while let Some(first) = requests.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH
            && let Ok(next) = requests.try_recv()
        {
            batch.push(next);
        }
        write(inner, batch, backend.as_mut());
    }
}

fn write(inner: &Inner, batch: Vec<Request>, backend: &mut dyn Backend) {
    let since = inner.state().version();
    let foreign = match backend.begin(since) {
        Ok(foreign) => foreign,
        Err(error) => return refuse(batch, &error),
    };
    if let Err(error) = inner.adopt(&foreign) {
        backend.abandon();
        return refuse(batch, &error);
    }
    let (events, answers) = decide(inner, batch);
    if events.is_empty() {
        backend.abandon();
    } else {
        let records: Vec<Record> = events.iter().map(record).collect();
        if let Err(error) = backend.commit(&records) {
            tracing::error!(%error, "a commit was not kept");
            let error = Error::Unavailable(error.to_string());
            for (answer, decided) in answers {
                // What was refused for its own sake stays so.
                let _ = answer.send(decided.and(Err(error.clone())));
            }
            return;
        }
        let sizes = records.iter().map(|record| Some(record.json.len()));
        inner.state().apply(events.into_iter().zip(sizes));
    }
    for (answer, decided) in answers {
        // Who asked may have gone; what was asked is done all the same.
        let _ = answer.send(decided);
    }
}

/// Decides the commits of a batch in turn, each on top of those before it.
fn decide(inner: &Inner, batch: Vec<Request>) -> (Vec<Event>, Vec<(oneshot::Sender<Answer>, Answer)>) {
    let state = inner.state();
    let mut view = View::new(state.objects(), batch.len());
    let mut version = state.version();
    let mut answers = Vec::with_capacity(batch.len());
    for Request { writes, answer } in batch {
        let decided = inner.rules().decide(&mut view, writes, &mut version);
        answers.push((answer, decided));
    }
    (view.into_events(), answers)
}

fn refuse(batch: Vec<Request>, error: &crate::backend::Error) {
    tracing::error!(%error, "nothing can be written");
    for Request { answer, .. } in batch {
        let _ = answer.send(Err(Error::Unavailable(error.to_string())));
    }
}

fn record(event: &Event) -> Record {
    let key = event.object.key();
    Record {
        kind: key.kind,
        namespace: key.namespace,
        name: key.name,
        version: event.version,
        event: event.kind,
        json: event.object.to_json().to_string().into(),
    }
}
