//! See `properties::yaml`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use windlass_fuzz::properties;

fuzz_target!(|bytes: &[u8]| properties::yaml(bytes));
