//! Keeps fetched files for a while, so that many references to one file cost one fetch.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use crate::digest::sha256_hex;
use crate::source::Fetched;

/// Whether a result may be served from and put into the cache; the resolver parameter `cache`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Every result is kept, whatever it was asked for by.
    Always,
    /// Nothing is kept.
    Never,
    /// A result is kept when the request can only ever mean one content: a full commit hash, a digest, an
    /// exact version. The default.
    #[default]
    Auto,
}

/// A word that names no cache mode.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("invalid cache mode '{0}', must be one of: [always never auto] (or empty for default)")]
pub struct InvalidMode(pub String);

impl FromStr for Mode {
    type Err = InvalidMode;

    fn from_str(text: &str) -> Result<Self, InvalidMode> {
        match text {
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            "auto" | "" => Ok(Self::Auto),
            other => Err(InvalidMode(other.to_owned())),
        }
    }
}

impl Mode {
    /// Whether a request is cached, given whether it can only ever mean one content.
    pub fn applies(self, immutable: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => immutable,
        }
    }
}

/// Identifies a request, credentials included: who may not fetch a file does not find it here either.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key(String);

impl Key {
    /// Builds the key of a request from all that decides its result.
    pub fn new<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut text = String::new();
        for part in parts {
            // The length keeps ("a", "bc") apart from ("ab", "c").
            text.push_str(&part.len().to_string());
            text.push(':');
            text.push_str(part);
        }
        // Hashed, so that no secret lies about in memory as a key.
        Self(sha256_hex(text.as_bytes()))
    }

    /// The key as part of another key.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

struct Entry {
    fetched: Arc<Fetched>,
    expires: Instant,
    used: u64,
}

/// Least-recently-used cache whose entries also grow old. It has no clock: callers say what time it is.
pub struct Cache {
    entries: HashMap<Key, Entry>,
    capacity: usize,
    max_bytes: usize,
    bytes: usize,
    time_to_live: Duration,
    uses: u64,
}

impl Default for Cache {
    /// 1000 entries of together at most 64 MiB, each for five minutes.
    fn default() -> Self {
        Self::new(1000, 64 << 20, Duration::from_mins(5))
    }
}

impl Cache {
    /// Makes an empty cache of at most `capacity` entries and `max_bytes` bytes of content.
    pub fn new(capacity: usize, max_bytes: usize, time_to_live: Duration) -> Self {
        Self {
            entries: HashMap::new(),
            capacity,
            max_bytes,
            bytes: 0,
            time_to_live,
            uses: 0,
        }
    }

    /// Finds an entry that has not expired at `now`.
    pub fn get(&mut self, key: &Key, now: Instant) -> Option<Arc<Fetched>> {
        self.uses += 1;
        let entry = self.entries.get_mut(key)?;
        if entry.expires <= now {
            self.remove(&key.clone());
            return None;
        }
        entry.used = self.uses;
        Some(Arc::clone(&entry.fetched))
    }

    /// Keeps a result from `now` on, pushing out what was used least recently.
    pub fn insert(&mut self, key: Key, fetched: Arc<Fetched>, now: Instant) {
        let size = fetched.bytes.len();
        self.remove(&key);
        if self.capacity == 0 || size > self.max_bytes {
            return;
        }
        while self.entries.len() >= self.capacity || self.bytes + size > self.max_bytes {
            let Some(oldest) = self
                .entries
                .iter()
                .min_by_key(|(_, entry)| entry.used)
                .map(|(key, _)| key.clone())
            else {
                break;
            };
            self.remove(&oldest);
        }
        self.uses += 1;
        self.bytes += size;
        let entry = Entry {
            fetched,
            expires: now + self.time_to_live,
            used: self.uses,
        };
        self.entries.insert(key, entry);
    }

    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes -= entry.fetched.bytes.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;
    use std::time::Instant;

    use super::Cache;
    use super::Key;
    use super::Mode;
    use crate::source::Fetched;

    fn file(content: &str) -> Arc<Fetched> {
        Arc::new(Fetched::of_content("u".into(), content.into()))
    }

    fn key(name: &str) -> Key {
        Key::new([name])
    }

    #[test]
    fn an_entry_lives_until_its_time_is_over() {
        let start = Instant::now();
        let mut cache = Cache::new(10, 100, Duration::from_mins(5));
        cache.insert(key("a"), file("one"), start);
        assert_eq!(
            cache.get(&key("a"), start + Duration::from_secs(299)),
            Some(file("one"))
        );
        assert_eq!(cache.get(&key("a"), start + Duration::from_mins(5)), None);
        assert_eq!(cache.bytes, 0);
    }

    #[test]
    fn the_least_recently_used_entry_makes_room() {
        let now = Instant::now();
        let mut cache = Cache::new(2, 100, Duration::from_mins(5));
        cache.insert(key("a"), file("one"), now);
        cache.insert(key("b"), file("two"), now);
        assert!(cache.get(&key("a"), now).is_some());
        cache.insert(key("c"), file("three"), now);
        let left = ["a", "b", "c"].map(|name| cache.get(&key(name), now).is_some());
        assert_eq!(left, [true, false, true]);
    }

    #[test]
    fn the_sum_of_contents_is_bounded() {
        let now = Instant::now();
        let mut cache = Cache::new(10, 8, Duration::from_mins(5));
        cache.insert(key("a"), file("12345"), now);
        cache.insert(key("b"), file("12345"), now);
        cache.insert(key("c"), file("123456789"), now);
        let left = ["a", "b", "c"].map(|name| cache.get(&key(name), now).is_some());
        assert_eq!(left, [false, true, false]);
        cache.insert(key("b"), file("1"), now);
        assert_eq!(cache.bytes, 1);
    }

    #[test]
    fn keys_do_not_run_into_each_other() {
        assert_ne!(Key::new(["a", "bc"]), Key::new(["ab", "c"]));
        assert_ne!(Key::new(["a", ""]), Key::new(["a"]));
    }

    #[test]
    fn the_mode_decides_with_the_request_what_is_kept() {
        let rows = [
            ("always", Some((true, true))),
            ("never", Some((false, false))),
            ("auto", Some((true, false))),
            ("", Some((true, false))),
            ("Always", None),
            ("sometimes", None),
        ];
        for (text, expected) in rows {
            let mode = text.parse::<Mode>().ok();
            assert_eq!(
                mode.map(|mode| (mode.applies(true), mode.applies(false))),
                expected,
                "{text}"
            );
        }
    }
}
