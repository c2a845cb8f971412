//! Keys that need work, each at most once at a time.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;
use std::collections::VecDeque;

use windlass_api::Key;
use windlass_api::Time;

/// Keys waiting, due later, and in work. A plain structure: the controller loop supplies time and waiting.
///
/// # Guarantees
/// - A key that is added many times while it waits is worked on once.
/// - A key that is added while it is in work is worked on again afterwards, never twice at once.
#[derive(Debug, Default)]
pub struct Queue {
    ready: VecDeque<Key>,
    waiting: HashSet<Key>,
    working: HashSet<Key>,
    again: HashSet<Key>,
    due: BTreeSet<(Time, Key)>,
    due_of: HashMap<Key, Time>,
}

impl Queue {
    /// Asks for work on a key as soon as possible.
    pub fn add(&mut self, key: Key) {
        if self.working.contains(&key) {
            self.again.insert(key);
        } else if self.waiting.insert(key.clone()) {
            self.ready.push_back(key);
        }
    }

    /// Asks for work on a key at a point; of several points the earliest counts.
    pub fn add_at(&mut self, key: Key, at: Time) {
        if let Some(planned) = self.due_of.get(&key).copied() {
            if planned <= at {
                return;
            }
            self.due.remove(&(planned, key.clone()));
        }
        self.due_of.insert(key.clone(), at);
        self.due.insert((at, key));
    }

    /// The earliest point that was asked for.
    pub fn next_due(&self) -> Option<Time> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Makes every key due by `now` ready.
    pub fn wake(&mut self, now: Time) {
        while let Some((at, _)) = self.due.first() {
            if *at > now {
                return;
            }
            if let Some((_, key)) = self.due.pop_first() {
                self.due_of.remove(&key);
                self.add(key);
            }
        }
    }

    /// Takes a key to work on; [`done`](Self::done) must follow.
    pub fn take(&mut self) -> Option<Key> {
        let key = self.ready.pop_front()?;
        self.waiting.remove(&key);
        self.working.insert(key.clone());
        Some(key)
    }

    /// Ends work on a key; if it was added meanwhile, it is ready again.
    pub fn done(&mut self, key: &Key) {
        self.working.remove(key);
        if self.again.remove(key) {
            self.add(key.clone());
        }
    }

    /// Whether nothing is ready and nothing in work; keys due later do not count.
    pub fn is_idle(&self) -> bool {
        self.ready.is_empty() && self.working.is_empty()
    }
}

#[cfg(test)]
mod tests;
