//! Names made from other names.

use std::fmt::Write as _;

use md5::Digest as _;
use md5::Md5;

use super::rules::LABEL_MAX;

/// Characters of a name before the 32 of an MD5 hash, so that both make a label.
const HEAD: usize = LABEL_MAX - 32;

/// Characters of a random suffix; vowels and look-alikes are left out, as in Kubernetes, so that no word appears.
const SUFFIX_ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

const SUFFIX_LEN: usize = 5;

/// How many different names [`generate_name`] can make from one prefix (27⁵).
pub const SUFFIX_DRAWS: u64 = 27_u64.pow(5);

/// The name of an object that belongs to another: `parent` followed by `suffix`, in at most 63 characters.
///
/// What does not fit is replaced by an MD5 hash exactly as `kmeta.ChildName` does it, so that a `TaskRun` has the same
/// name here and on a cluster.
pub fn child_name(parent: &str, suffix: &str) -> String {
    if parent.len() + suffix.len() <= LABEL_MAX {
        return format!("{parent}{suffix}");
    }
    if suffix.len() < HEAD {
        return format!("{}{}{suffix}", prefix(parent, HEAD - suffix.len()), hash(parent));
    }
    let mut name = format!("{}{}", prefix(parent, HEAD), hash(&format!("{parent}{suffix}")));
    name.push_str(prefix(suffix, LABEL_MAX.saturating_sub(name.len())));
    name.truncate(trimmed_len(&name));
    name
}

/// A full name for an object that has only `metadata.generateName`: the prefix and five characters.
///
/// `random` selects one of [`SUFFIX_DRAWS`] suffixes; the caller draws it and draws again when the name is taken.
pub fn generate_name(prefix_text: &str, random: u64) -> String {
    let mut name = prefix(prefix_text, LABEL_MAX - SUFFIX_LEN).to_owned();
    let mut rest = random % SUFFIX_DRAWS;
    for _ in 0..SUFFIX_LEN {
        let letter = usize::try_from(rest % 27)
            .ok()
            .and_then(|place| SUFFIX_ALPHABET.get(place));
        name.extend(letter.copied().map(char::from));
        rest /= 27;
    }
    name
}

/// Cuts a container's name to 63 characters that end with a letter or digit.
pub fn restrict_length(name: &str) -> &str {
    let cut = prefix(name, LABEL_MAX);
    prefix(cut, trimmed_len(cut))
}

fn trimmed_len(name: &str) -> usize {
    name.trim_end_matches(|last: char| !last.is_ascii_alphanumeric())
        .len()
}

/// The longest beginning of at most `len` bytes that ends between characters.
fn prefix(text: &str, len: usize) -> &str {
    text.get(..text.floor_char_boundary(len)).unwrap_or(text)
}

fn hash(text: &str) -> String {
    let mut hex = String::with_capacity(32);
    for byte in Md5::digest(text.as_bytes()) {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
