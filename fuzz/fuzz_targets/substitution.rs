//! See `properties::substitution`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use windlass_fuzz::properties;

fuzz_target!(|bytes: &[u8]| properties::substitution(bytes));
