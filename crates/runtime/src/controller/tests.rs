use std::collections::BTreeMap;
use std::collections::HashSet;
use std::collections::VecDeque;
use std::sync::Mutex;

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use windlass_api::core::ConfigMap;
use windlass_api::meta::ObjectMeta;

use super::*;
use crate::client::List;
use crate::client::LogQuery;
use crate::client::LogStream;
use crate::clock::ManualClock;

/// A plane that only tells of objects.
#[derive(Default)]
struct World {
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    objects: BTreeMap<Key, Object>,
    version: u64,
    watchers: Vec<mpsc::UnboundedSender<Event>>,
    refuses_watches: bool,
}

impl World {
    fn put(&self, name: &str) {
        let mut told = self.told.lock().unwrap();
        let object = object(name);
        told.objects.insert(object.key(), object.clone());
        tell(&mut told, EventType::Modified, object);
    }

    fn remove(&self, name: &str) {
        let mut told = self.told.lock().unwrap();
        let object = told.objects.remove(&key(name)).unwrap();
        tell(&mut told, EventType::Deleted, object);
    }

    /// Ends all watches; new ones can be opened when `open`.
    fn cut_off(&self, open: bool) {
        let mut told = self.told.lock().unwrap();
        told.watchers.clear();
        told.refuses_watches = !open;
    }
}

fn tell(told: &mut Told, kind: EventType, object: Object) {
    told.version += 1;
    let event = Event { kind, object };
    told.watchers
        .retain(|watcher| watcher.send(event.clone()).is_ok());
}

fn object(name: &str) -> Object {
    let metadata = ObjectMeta {
        name: name.to_owned(),
        namespace: "default".to_owned(),
        ..ObjectMeta::default()
    };
    Object::ConfigMap(Arc::new(ConfigMap {
        metadata,
        ..ConfigMap::default()
    }))
}

fn key(name: &str) -> Key {
    Key::new(Kind::ConfigMap, "default", name)
}

struct Telling(mpsc::UnboundedReceiver<Event>);

impl client::Watch for Telling {
    fn next(&mut self) -> BoxFuture<'_, Option<Event>> {
        self.0.recv().boxed()
    }
}

fn ready<'a, T: Send + 'a>(result: client::Result<T>) -> BoxFuture<'a, client::Result<T>> {
    std::future::ready(result).boxed()
}

fn not_here<'a, T: Send + 'a>() -> BoxFuture<'a, client::Result<T>> {
    ready(Err(client::Error::Unavailable("not in this world".to_owned())))
}

impl Client for World {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, client::Result<Option<Object>>> {
        ready(Ok(self.told.lock().unwrap().objects.get(key).cloned()))
    }

    fn list<'a>(&'a self, _: Kind, _: Option<&'a str>) -> BoxFuture<'a, client::Result<List>> {
        let told = self.told.lock().unwrap();
        let objects = told.objects.values().cloned().collect();
        ready(Ok(List {
            objects,
            version: told.version,
        }))
    }

    fn create(&self, _: Object) -> BoxFuture<'_, client::Result<Object>> {
        not_here()
    }

    fn update(&self, _: Object) -> BoxFuture<'_, client::Result<Object>> {
        not_here()
    }

    fn update_status(&self, _: Object) -> BoxFuture<'_, client::Result<Object>> {
        not_here()
    }

    fn delete<'a>(&'a self, _: &'a Key, _: &'a str) -> BoxFuture<'a, client::Result<()>> {
        not_here()
    }

    fn watch<'a>(
        &'a self,
        _: &'a [Kind],
        _: Option<&'a str>,
        from: Option<u64>,
    ) -> BoxFuture<'a, client::Result<Box<dyn client::Watch>>> {
        let mut told = self.told.lock().unwrap();
        if told.refuses_watches {
            return not_here();
        }
        assert_eq!(
            from,
            Some(told.version),
            "nothing happens between list and watch in this world"
        );
        let (sender, receiver) = mpsc::unbounded_channel();
        told.watchers.push(sender);
        ready(Ok(Box::new(Telling(receiver)) as Box<dyn client::Watch>))
    }

    fn logs(&self, _: LogQuery) -> BoxFuture<'_, client::Result<Box<dyn LogStream>>> {
        not_here()
    }
}

/// A reconciler that writes down what it is asked to do, and does as it was told.
struct Scribe {
    notes: Mutex<Notes>,
    /// Work goes on only with a permit.
    permits: Semaphore,
}

#[derive(Default)]
struct Notes {
    lines: Vec<String>,
    working: HashSet<Key>,
    most_working: usize,
    answers: BTreeMap<String, VecDeque<Answer>>,
}

enum Answer {
    Give(client::Result<Action>),
    Panic,
}

impl Scribe {
    fn new(permits: usize) -> Arc<Self> {
        Arc::new(Self {
            notes: Mutex::default(),
            permits: Semaphore::new(permits),
        })
    }

    fn answer(&self, name: &str, answer: Answer) {
        self.notes
            .lock()
            .unwrap()
            .answers
            .entry(name.to_owned())
            .or_default()
            .push_back(answer);
    }

    /// What happened since the last call, once nothing more happens.
    async fn lines(&self) -> Vec<String> {
        settled().await;
        std::mem::take(&mut self.notes.lock().unwrap().lines)
    }
}

/// Waits until every task waits: tokio's paused clock moves only then.
async fn settled() {
    tokio::time::sleep(Duration::from_nanos(1)).await;
}

impl Reconcile for Scribe {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::ConfigMap]
    }

    fn observe(&self, event: &Event, keys: &mut Vec<Key>) {
        let key = event.object.key();
        if event.kind == EventType::Deleted {
            self.notes
                .lock()
                .unwrap()
                .lines
                .push(format!("gone {}", key.name));
        }
        keys.push(key);
    }

    async fn reconcile<'a>(&'a self, key: &'a Key) -> client::Result<Action> {
        {
            let mut notes = self.notes.lock().unwrap();
            assert!(notes.working.insert(key.clone()), "{key} is in work twice");
            notes.most_working = notes.most_working.max(notes.working.len());
            notes.lines.push(key.name.to_string());
        }
        self.permits.acquire().await.unwrap().forget();
        let answer = {
            let mut notes = self.notes.lock().unwrap();
            notes.working.remove(key);
            notes.answers.get_mut(&*key.name).and_then(VecDeque::pop_front)
        };
        match answer {
            None => Ok(Action::AwaitChange),
            Some(Answer::Give(result)) => result,
            Some(Answer::Panic) => panic!("as it was told"),
        }
    }
}

struct Loop {
    world: Arc<World>,
    scribe: Arc<Scribe>,
    clock: ManualClock,
    waker: Waker,
    task: JoinHandle<()>,
}

impl Drop for Loop {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn start(names: &[&str], permits: usize) -> Loop {
    let (world, scribe) = (Arc::new(World::default()), Scribe::new(permits));
    for name in names {
        world.put(name);
    }
    let clock = ManualClock::new(Time::from_millis(0));
    let (waker, wakes) = Waker::new();
    let task = tokio::spawn(run(
        Arc::clone(&scribe),
        Arc::clone(&world) as Arc<dyn Client>,
        Arc::new(clock.clone()),
        wakes,
    ));
    Loop {
        world,
        scribe,
        clock,
        waker,
        task,
    }
}

const ENOUGH: usize = 1000;

#[tokio::test(start_paused = true)]
async fn what_exists_and_what_happens_is_reconciled() {
    let it = start(&["a"], ENOUGH);
    assert_eq!(it.scribe.lines().await, ["a"]);
    it.world.put("b");
    assert_eq!(it.scribe.lines().await, ["b"]);
    it.world.remove("a");
    assert_eq!(it.scribe.lines().await, ["gone a", "a"]);
    it.waker.wake(key("b"));
    assert_eq!(it.scribe.lines().await, ["b"]);
}

#[tokio::test(start_paused = true)]
async fn a_key_in_work_waits_for_itself_and_for_nobody_else() {
    let it = start(&["a"], 0);
    assert_eq!(it.scribe.lines().await, ["a"]);
    for _ in 0..3 {
        it.world.put("a");
    }
    it.world.put("b");
    assert_eq!(it.scribe.lines().await, ["b"]);
    it.scribe.permits.add_permits(1);
    assert_eq!(it.scribe.lines().await, ["a"]);
    it.scribe.permits.add_permits(ENOUGH);
    assert!(it.scribe.lines().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_more_keys_are_in_work_than_allowed() {
    let names: Vec<String> = (0..3 * CONCURRENCY)
        .map(|number| format!("{number:04}"))
        .collect();
    let it = start(&names.iter().map(String::as_str).collect::<Vec<_>>(), 0);
    assert_eq!(it.scribe.lines().await.len(), CONCURRENCY);
    it.scribe.permits.add_permits(ENOUGH);
    assert_eq!(it.scribe.lines().await.len(), 2 * CONCURRENCY);
    assert_eq!(it.scribe.notes.lock().unwrap().most_working, CONCURRENCY);
}

#[tokio::test(start_paused = true)]
async fn a_key_comes_back_when_it_asked_to() {
    let it = start(&[], ENOUGH);
    let requeue = |millis| Answer::Give(Ok(Action::RequeueAt(Time::from_millis(millis))));
    it.scribe.answer("a", requeue(500));
    it.scribe.answer("a", requeue(300));
    it.world.put("a");
    assert_eq!(it.scribe.lines().await, ["a"]);
    it.world.put("a");
    assert_eq!(it.scribe.lines().await, ["a"]);
    it.clock.advance_to(Time::from_millis(299));
    assert!(it.scribe.lines().await.is_empty());
    it.clock.advance_to(Time::from_millis(300));
    assert_eq!(it.scribe.lines().await, ["a"]);
    it.clock.advance_to(Time::from_millis(5000));
    assert!(it.scribe.lines().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_point_in_the_past_is_now() {
    let it = start(&[], ENOUGH);
    it.clock.advance_to(Time::from_millis(1000));
    it.scribe
        .answer("a", Answer::Give(Ok(Action::RequeueAt(Time::from_millis(10)))));
    it.world.put("a");
    assert_eq!(it.scribe.lines().await, ["a", "a"]);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_tried_again_at_once_and_a_failure_after_a_while() {
    let it = start(&[], ENOUGH);
    it.scribe.answer(
        "a",
        Answer::Give(Err(client::Error::Conflict("stale".to_owned()))),
    );
    it.world.put("a");
    assert_eq!(it.scribe.lines().await, ["a", "a"]);
    let failures = [
        Answer::Give(Err(client::Error::Unavailable("down".to_owned()))),
        Answer::Panic,
    ];
    for (round, failure) in (1..).zip(failures) {
        it.scribe.answer("a", failure);
        it.world.put("a");
        it.world.put("b");
        assert_eq!(it.scribe.lines().await, ["a", "b"]);
        it.clock
            .advance_to(Time::from_millis(round * RETRY_AFTER.as_millis()));
        assert_eq!(it.scribe.lines().await, ["a"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_forgets_no_key() {
    let it = start(&["a", "b"], 0);
    it.scribe.lines().await;
    it.world.cut_off(false);
    it.world.remove("b");
    it.world.put("c");
    tokio::time::sleep(REWATCH_AFTER * 5).await;
    assert!(it.scribe.lines().await.is_empty());
    it.world.cut_off(true);
    tokio::time::sleep(REWATCH_AFTER * 2).await;
    assert_eq!(it.scribe.lines().await, ["gone b", "c"]);
    it.scribe.permits.add_permits(ENOUGH);
    let mut lines = it.scribe.lines().await;
    lines.sort();
    assert_eq!(lines, ["a", "b"]);
}
