//! Any matrix fans out within the limit, or is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use windlass_api::decode::decode;
use windlass_api::tekton::pipeline::Matrix;
use windlass_api::yaml;
use windlass_engine::matrix;

fuzz_target!(|bytes: &[u8]| {
    for document in yaml::load(bytes).into_iter().flatten() {
        let Ok(parsed) = decode::<Matrix>(document.value) else {
            continue;
        };
        // Counting makes no combination, however many there would be.
        let _ = matrix::count(&parsed);
        if let Ok(combinations) = matrix::fan_out(&parsed, matrix::DEFAULT_LIMIT) {
            assert!(combinations.len() <= matrix::DEFAULT_LIMIT);
        }
    }
});
