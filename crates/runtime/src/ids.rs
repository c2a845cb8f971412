//! Identities, as an argument.

use std::hash::BuildHasher;
use std::hash::Hasher;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use windlass_api::names;

/// Source of identities.
pub trait Ids: Send + Sync {
    /// 64 bits that were not given before.
    fn next(&self) -> u64;

    /// A new object's identity, in the form of a UUID.
    fn uid(&self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            0x8000 | low >> 48 & 0x3fff,
            low & 0xffff_ffff_ffff
        )
    }

    /// Five characters that complete a `generateName`.
    fn suffix(&self) -> String {
        names::generate_name("", self.next())
    }
}

/// Unpredictable enough to be unique, without a claim to secrecy.
#[derive(Debug)]
pub struct RandomIds {
    seeds: std::collections::hash_map::RandomState,
    count: AtomicU64,
}

impl Default for RandomIds {
    fn default() -> Self {
        Self {
            seeds: std::collections::hash_map::RandomState::new(),
            count: AtomicU64::new(0),
        }
    }
}

impl Ids for RandomIds {
    fn next(&self) -> u64 {
        let mut hasher = self.seeds.build_hasher();
        hasher.write_u64(self.count.fetch_add(1, Ordering::Relaxed));
        hasher.finish()
    }
}

/// The same identities in every test run.
#[derive(Debug, Default)]
pub struct SeededIds {
    count: AtomicU64,
}

impl Ids for SeededIds {
    fn next(&self) -> u64 {
        // The splitmix64 finaliser: distinct inputs give distinct outputs.
        let mut z = self
            .count
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_add(1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_have_the_form_of_their_kind() {
        let ids = SeededIds::default();
        assert_eq!(ids.uid().len(), 36);
        assert_eq!(ids.suffix().len(), 5);
        assert_ne!(ids.uid(), ids.uid());
        let random = RandomIds::default();
        assert_ne!(random.uid(), random.uid());
    }
}
