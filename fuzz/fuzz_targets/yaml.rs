//! The loader takes any bytes; what it reads is written and read back as the same; any value is decoded or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use windlass_api::decode::decode;
use windlass_api::tekton::PipelineRun;
use windlass_api::yaml;

/// Small enough for thousands of runs a second, big enough for every rule.
const LIMITS: yaml::Limits = yaml::Limits {
    bytes: 1 << 16,
    depth: 100,
    nodes: 10_000,
    text: 1 << 20,
};

fuzz_target!(|bytes: &[u8]| {
    for document in yaml::load_within(bytes, &LIMITS).into_iter().flatten() {
        let text = yaml::emit(&document.value);
        let again = yaml::load(text.as_bytes()).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        assert_eq!(
            again.first().map(|read| &read.value),
            Some(&document.value),
            "{text}"
        );
        for mut problem in decode::<PipelineRun>(document.value).err().into_iter().flatten() {
            document.spans.locate(&mut problem);
            assert!(!problem.to_string().is_empty());
        }
    }
});
