//! A backend that fails costs the commits of its batch, and nothing else.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use windlass_api::Kind;
use windlass_store::Error;
use windlass_store::Write;
use windlass_store::backend;
use windlass_store::backend::Backend;
use windlass_store::backend::Loaded;
use windlass_store::backend::Record;

use crate::stores::config_map;
use crate::stores::key;
use crate::stores::on;

/// Fails as it is told to.
#[derive(Clone, Default)]
struct Moody {
    at_begin: Arc<Mutex<Option<backend::Error>>>,
    at_commit: Arc<Mutex<Option<backend::Error>>>,
    kept: Arc<Mutex<Vec<Record>>>,
}

fn taken(mood: &Mutex<Option<backend::Error>>) -> Result<(), backend::Error> {
    mood.lock().expect("a lock").take().map_or(Ok(()), Err)
}

impl Backend for Moody {
    fn load(&mut self) -> Result<Loaded, backend::Error> {
        Ok(Loaded::default())
    }

    fn begin(&mut self, _: u64) -> Result<Vec<Record>, backend::Error> {
        taken(&self.at_begin).map(|()| Vec::new())
    }

    fn commit(&mut self, records: &[Record]) -> Result<(), backend::Error> {
        taken(&self.at_commit)?;
        self.kept.lock().expect("a lock").extend_from_slice(records);
        Ok(())
    }

    fn abandon(&mut self) {}

    fn tail(&mut self, _: u64, _: Duration) -> Result<Vec<Record>, backend::Error> {
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn what_is_not_kept_is_not_shown_and_the_next_commit_goes_on() {
    let moody = Moody::default();
    let store = on(Box::new(moody.clone())).expect("a store");
    let mut watch = store.watch(&[Kind::ConfigMap], None, None).expect("watch");
    let moods = [
        (&moody.at_begin, backend::Error::InUse),
        (&moody.at_commit, backend::Error::Full),
        (&moody.at_commit, backend::Error::ReadOnly),
    ];
    for (mood, error) in moods {
        *mood.lock().expect("a lock") = Some(error.clone());
        let refused = store.commit(vec![Write::Create(config_map("a", "1"))]).await;
        assert_eq!(refused, Err(Error::Unavailable(error.to_string())));
        assert_eq!((store.get(&key("a")), store.version()), (None, 0));
        assert_eq!(watch.try_next(), None);
    }
    let kept = store.commit(vec![Write::Create(config_map("a", "1"))]).await;
    assert_eq!(kept.map(|objects| objects.len()), Ok(1));
    assert_eq!(watch.try_next().map(|event| event.version), Some(1));
    let records = moody.kept.lock().expect("a lock").clone();
    assert_eq!(
        records.iter().map(|record| record.version).collect::<Vec<_>>(),
        [1]
    );
}

#[tokio::test]
async fn a_refusal_is_its_own_even_when_nothing_can_be_kept() {
    let moody = Moody::default();
    let store = on(Box::new(moody.clone())).expect("a store");
    let missing = vec![Write::Update(config_map("a", "1"))];
    assert_eq!(store.commit(missing).await, Err(Error::NotFound(key("a"))));
    assert!(moody.kept.lock().expect("a lock").is_empty());
}
