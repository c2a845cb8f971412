//! Authorizations that registries accepted, kept for as long as they are good.

use std::collections::HashMap;
use std::time::Duration;
use std::time::Instant;

use reqwest::header::HeaderValue;

use crate::cache::Key;

/// Entries kept; beyond it old ones go, since a plane asks for that many repositories only if made to.
const CAPACITY: usize = 1000;

/// The values of the `Authorization` header by what they open.
#[derive(Default)]
pub(super) struct Tokens {
    entries: HashMap<Key, (HeaderValue, Instant)>,
}

impl Tokens {
    /// One that is good at `now`.
    pub(super) fn get(&self, key: &Key, now: Instant) -> Option<HeaderValue> {
        let (value, expires) = self.entries.get(key)?;
        (*expires > now).then(|| value.clone())
    }

    /// Keeps one for a time from `now` on.
    pub(super) fn insert(&mut self, key: Key, value: HeaderValue, life: Duration, now: Instant) {
        if self.entries.len() >= CAPACITY {
            self.entries.retain(|_, (_, expires)| *expires > now);
        }
        if self.entries.len() >= CAPACITY {
            self.entries.clear();
        }
        self.entries.insert(key, (value, now + life));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;
    use std::time::Instant;

    use reqwest::header::HeaderValue;

    use super::CAPACITY;
    use super::Tokens;
    use crate::cache::Key;

    #[test]
    fn a_token_is_kept_while_it_is_good_and_their_number_is_bounded() {
        let start = Instant::now();
        let life = Duration::from_mins(1);
        let mut tokens = Tokens::default();
        let key = |number: usize| Key::new([number.to_string().as_str()]);
        let value = HeaderValue::from_static("Bearer x");
        tokens.insert(key(0), value.clone(), life, start);
        assert_eq!(
            tokens.get(&key(0), start + Duration::from_secs(59)),
            Some(value.clone())
        );
        assert_eq!(tokens.get(&key(0), start + life), None);
        assert_eq!(tokens.get(&key(1), start), None);
        for number in 1..=2 * CAPACITY {
            tokens.insert(key(number), value.clone(), life, start);
        }
        assert!(tokens.entries.len() <= CAPACITY);
        assert_eq!(tokens.get(&key(2 * CAPACITY), start), Some(value));
    }
}
