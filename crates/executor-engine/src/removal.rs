//! Removes what an attempt made at the engine.

use std::io;
use std::time::Duration;

use futures::future::join_all;

use crate::client::Client;
use crate::client::Error;

/// Pauses before a removal is tried again: an engine may still be busy with what it removes.
const AGAIN: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
];

/// Names of what may exist.
#[derive(Clone, Debug, Default)]
pub(crate) struct Made {
    pub(crate) containers: Vec<String>,
    pub(crate) volumes: Vec<String>,
    /// Containers so far, for their names.
    pub(crate) count: usize,
}

/// Removes containers and volumes; what is gone already is fine.
pub(crate) async fn remove(client: &Client, made: &Made) -> io::Result<()> {
    let all = |things: Vec<Thing>| join_all(things.into_iter().map(|thing| again(client.clone(), thing)));
    // The latest first: a container may use the network of an earlier one.
    let containers = made.containers.iter().rev().cloned().map(Thing::Container);
    let volumes = made.volumes.iter().cloned().map(Thing::Volume);
    let removed = all(containers.collect()).await;
    removed.into_iter().collect::<Result<Vec<()>, _>>()?;
    let removed = all(volumes.collect()).await;
    removed.into_iter().collect::<Result<Vec<()>, _>>()?;
    Ok(())
}

/// Something to be removed, by its name.
enum Thing {
    Container(String),
    Volume(String),
}

/// Removes a thing, and tries until that succeeds or patience ends.
async fn again(client: Client, thing: Thing) -> Result<(), Error> {
    let mut pauses = AGAIN.into_iter();
    loop {
        let removed = match &thing {
            Thing::Container(name) => client.remove(name).await,
            Thing::Volume(name) => client.remove_volume(name).await,
        };
        match (removed, pauses.next()) {
            (Err(Error::Refused { .. }), Some(pause)) => tokio::time::sleep(pause).await,
            (removed, _) => return removed,
        }
    }
}
