//! The resource API over HTTP.
//!
//! # Expected flow
//! Who asks is found out, the path is read, the verb is allowed or refused, and the verb's file answers. Read
//! [`handle`](fn@handle) first.

mod body;
mod discovery;
mod handle;
mod listen;
mod openapi;
mod patch;
mod pods;
mod protobuf;
mod read;
mod request;
mod reviews;
mod status;
mod table;
mod view;
mod watch;
mod write;

use std::sync::Arc;

use windlass_runtime::Clock;
use windlass_store::Logs;
use windlass_store::Store;

use crate::access::Authenticate;
use crate::access::Authorize;
use crate::audit::Audit;
use crate::observed::Metrics;
use crate::resources::Registry;

pub use handle::router;
pub use listen::listen;
pub use status::Status;

/// What the API stands on.
#[derive(Clone)]
pub struct Api {
    /// The objects.
    pub store: Store,
    /// What steps printed.
    pub logs: Logs,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// What is served.
    pub registry: Arc<Registry>,
    /// Finds out who asks.
    pub authenticate: Arc<dyn Authenticate>,
    /// Decides whether they may.
    pub authorize: Arc<dyn Authorize>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Where writes and refusals are noted; `None` is nowhere.
    pub audit: Option<Arc<Audit>>,
}
