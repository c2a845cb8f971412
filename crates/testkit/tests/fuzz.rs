//! The fuzz targets on the stable toolchain, for a bounded time: mutations of real files, from a fixed seed.
//!
//! `WINDLASS_FUZZ_SECONDS` is the time for each target, two seconds unless set. A fault prints the input that caused
//! it; `cargo xtask fuzz` digs deeper where cargo-fuzz is installed.

use std::fs;
use std::panic;
use std::path::Path;
use std::time::Duration;
use std::time::Instant;

#[path = "../../../fuzz/src/properties.rs"]
#[expect(unreachable_pub, reason = "the fuzz targets use it from outside")]
mod properties;

/// Inputs are cut to this size: small ones are tried more often.
const MAX_BYTES: usize = 4096;

/// Pieces that real inputs are made of.
const DICTIONARY: [&str; 24] = [
    "$(params.x)",
    "$(params.list[*])",
    "$(params['x'])",
    "$(",
    ")",
    "$$(",
    "{",
    "}",
    "[",
    "]",
    ": ",
    "- ",
    "\n",
    "\n  ",
    "&a ",
    "*a",
    "<<: ",
    "|\n",
    ">-\n",
    "'",
    "\"",
    "params:\n  - name: x\n    value: [a, b, c]\n",
    "include:\n",
    "---\n",
];

struct Random(u64);

impl Random {
    /// The splitmix64 generator.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or(0)
    }
}

/// Files of this repository to start from.
fn seeds() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut seeds = vec![
        b"params:\n  - name: x\n    value: [a, b]\n".to_vec(),
        b"$(params.x)\nv\na\nb".to_vec(),
    ];
    for folder in ["examples", "tests/cases", "tests/broken"] {
        let entries = fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
        seeds.extend(entries.filter_map(|entry| fs::read(entry.path()).ok()));
    }
    seeds.sort();
    for seed in &mut seeds {
        seed.truncate(MAX_BYTES);
    }
    seeds
}

fn mutate(input: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.below(input.len() + 1);
        match random.below(5) {
            0 => input.truncate(at),
            1 if at < input.len() => input[at] ^= 1 << random.below(8),
            2 => {
                let piece = DICTIONARY[random.below(DICTIONARY.len())];
                input.splice(at..at, piece.bytes());
            }
            3 => {
                let end = (at + random.below(32)).min(input.len());
                input.drain(at..end);
            }
            _ => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                let to = (from + random.below(64)).min(other.len());
                input.splice(at..at, other[from..to].iter().copied());
            }
        }
    }
    input.truncate(MAX_BYTES);
}

fn fuzz(property: fn(&[u8])) {
    let seconds = std::env::var("WINDLASS_FUZZ_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(2);
    let end = Instant::now() + Duration::from_secs(seconds);
    let (seeds, mut random) = (seeds(), Random(1));
    let mut tried = 0_u64;
    while Instant::now() < end || tried < 100 {
        let mut input = seeds[random.below(seeds.len())].clone();
        mutate(&mut input, &seeds, &mut random);
        let outcome = panic::catch_unwind(|| property(&input));
        assert!(
            outcome.is_ok(),
            "input {tried}: {:?}",
            String::from_utf8_lossy(&input)
        );
        tried += 1;
    }
    assert!(tried >= 100);
}

#[test]
fn any_bytes_are_read_or_refused_as_yaml() {
    fuzz(properties::yaml);
}

#[test]
fn any_text_expands_within_its_limit() {
    fuzz(properties::substitution);
}

#[test]
fn any_matrix_fans_out_within_its_limit() {
    fuzz(properties::matrix);
}
