//! One watcher's bounded queue.

use tokio::sync::mpsc;
use windlass_api::Kind;

use crate::write::Event;

/// Events a watcher may fall behind before it is cut off: a slow watcher never slows a writer and never holds more
/// than this many references.
const CAPACITY: usize = 65_536;

/// What a watcher wants to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) kinds: Vec<Kind>,
    pub(crate) namespace: Option<String>,
}

impl Filter {
    pub(crate) fn accepts(&self, event: &Event) -> bool {
        self.kinds.contains(&event.object.kind())
            && self
                .namespace
                .as_ref()
                .is_none_or(|namespace| *namespace == event.object.metadata().namespace)
    }
}

#[derive(Debug)]
pub(crate) struct Subscriber {
    filter: Filter,
    sender: mpsc::Sender<Event>,
}

impl Subscriber {
    pub(crate) fn new(filter: Filter, backlog: Vec<Event>) -> (Self, Watch) {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        (
            Self { filter, sender },
            Watch {
                backlog: backlog.into(),
                receiver,
            },
        )
    }

    /// Hands over an event it wants; `false` when it is gone or too slow and must be forgotten.
    pub(crate) fn notify(&self, event: &Event) -> bool {
        if self.filter.accepts(event) {
            self.sender.try_send(event.clone()).is_ok()
        } else {
            !self.sender.is_closed()
        }
    }
}

/// A stream of events in commit order, without gaps.
#[derive(Debug)]
pub struct Watch {
    backlog: std::collections::VecDeque<Event>,
    receiver: mpsc::Receiver<Event>,
}

impl Watch {
    /// The next event; `None` when the store is gone or this watcher fell too far behind and was cut off. It must then
    /// list again and watch from there. Cancel-safe.
    pub async fn next(&mut self) -> Option<Event> {
        match self.backlog.pop_front() {
            Some(event) => Some(event),
            None => self.receiver.recv().await,
        }
    }

    /// The next event if one is waiting.
    pub fn try_next(&mut self) -> Option<Event> {
        self.backlog.pop_front().or_else(|| self.receiver.try_recv().ok())
    }
}
