use proptest::prelude::*;
use windlass_api::Kind;

use super::*;

fn key(name: &str) -> Key {
    Key::new(Kind::TaskRun, "default", name)
}

#[test]
fn a_key_is_worked_on_once_at_a_time_and_never_forgotten() {
    let mut queue = Queue::default();
    queue.add(key("a"));
    queue.add(key("a"));
    assert_eq!(queue.take(), Some(key("a")));
    assert_eq!(queue.take(), None);
    queue.add(key("a"));
    assert_eq!(queue.take(), None);
    queue.done(&key("a"));
    assert_eq!(queue.take(), Some(key("a")));
    queue.done(&key("a"));
    assert!(queue.is_idle());
}

#[test]
fn the_earliest_of_several_points_counts() {
    let mut queue = Queue::default();
    queue.add_at(key("a"), Time::from_millis(20));
    queue.add_at(key("a"), Time::from_millis(10));
    queue.add_at(key("a"), Time::from_millis(30));
    assert_eq!(queue.next_due(), Some(Time::from_millis(10)));
    queue.wake(Time::from_millis(9));
    assert_eq!(queue.take(), None);
    queue.wake(Time::from_millis(10));
    assert_eq!(queue.take(), Some(key("a")));
    assert_eq!(queue.next_due(), None);
}

#[derive(Clone, Debug)]
enum Call {
    Add(u8),
    AddAt(u8, i64),
    Wake(i64),
    Take,
    Done(usize),
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let call = prop_oneof![
        (0..4_u8).prop_map(Call::Add),
        (0..4_u8, 0..50_i64).prop_map(|(name, at)| Call::AddAt(name, at)),
        (0..50_i64).prop_map(Call::Wake),
        Just(Call::Take),
        (0..4_usize).prop_map(Call::Done),
    ];
    prop::collection::vec(call, 0..80)
}

/// Keys asked for and not taken since, keys with the earliest point they were asked for, keys in work.
#[derive(Default)]
struct Model {
    wanted: BTreeSet<Key>,
    due: std::collections::BTreeMap<Key, i64>,
    working: Vec<Key>,
}

impl Model {
    fn wake(&mut self, now: i64) {
        let wanted = &mut self.wanted;
        self.due.retain(|key, at| {
            let is_later = *at > now;
            if !is_later {
                wanted.insert(key.clone());
            }
            is_later
        });
    }

    fn can_take(&self) -> bool {
        self.wanted.iter().any(|key| !self.working.contains(key))
    }
}

proptest! {
    #[test]
    fn no_key_is_lost_and_none_is_in_work_twice(calls in calls()) {
        let (mut queue, mut model) = (Queue::default(), Model::default());
        let name = |number: u8| key(&number.to_string());
        for call in calls {
            match call {
                Call::Add(number) => {
                    queue.add(name(number));
                    model.wanted.insert(name(number));
                }
                Call::AddAt(number, at) => {
                    queue.add_at(name(number), Time::from_millis(at));
                    let due = model.due.entry(name(number)).or_insert(at);
                    *due = at.min(*due);
                }
                Call::Wake(now) => {
                    queue.wake(Time::from_millis(now));
                    model.wake(now);
                }
                Call::Take => {
                    let taken = queue.take();
                    prop_assert_eq!(taken.is_some(), model.can_take());
                    if let Some(key) = taken {
                        prop_assert!(model.wanted.remove(&key));
                        prop_assert!(!model.working.contains(&key));
                        model.working.push(key);
                    }
                }
                Call::Done(place) if place < model.working.len() => queue.done(&model.working.remove(place)),
                Call::Done(_) => {}
            }
            prop_assert_eq!(queue.next_due(), model.due.values().min().map(|at| Time::from_millis(*at)));
            prop_assert_eq!(queue.is_idle(), model.working.is_empty() && !model.can_take());
        }
    }
}
