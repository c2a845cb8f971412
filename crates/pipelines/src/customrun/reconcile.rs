//! Writes what was decided.

use std::sync::Arc;

use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Resource as _;
use windlass_api::tekton::CustomRun;
use windlass_runtime::Client;
use windlass_runtime::Clock;
use windlass_runtime::client::Error;
use windlass_runtime::client::Event;
use windlass_runtime::client::Result;
use windlass_runtime::controller::Action;
use windlass_runtime::controller::Reconcile;

use super::decide;

/// Ends custom runs of kinds without a controller.
pub(crate) struct CustomRuns {
    pub(crate) client: Arc<dyn Client>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Reconcile for CustomRuns {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::CustomRun]
    }

    fn observe(&self, event: &Event, keys: &mut Vec<Key>) {
        keys.push(event.object.key());
    }

    async fn reconcile<'a>(&'a self, key: &'a Key) -> Result<Action> {
        let found = self.client.find::<CustomRun>(&key.namespace, &key.name).await?;
        let Some(status) = found
            .as_ref()
            .and_then(|run| decide::ended(run, self.clock.now()))
        else {
            return Ok(Action::AwaitChange);
        };
        let Some(run) = found else {
            return Ok(Action::AwaitChange);
        };
        let next = CustomRun {
            status,
            ..CustomRun::clone(&run)
        };
        match self.client.update_status(Arc::new(next).into_object()).await {
            Ok(_) | Err(Error::NotFound(_)) => Ok(Action::AwaitChange),
            Err(error) => Err(error),
        }
    }
}
