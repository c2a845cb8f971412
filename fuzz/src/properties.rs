//! What must hold for any bytes: the bodies of the fuzz targets, which the stable test suite runs too.

use windlass_api::decode::decode;
use windlass_api::tekton::ParamValue;
use windlass_api::tekton::PipelineRun;
use windlass_api::tekton::pipeline::Matrix;
use windlass_api::yaml;
use windlass_engine::matrix;
use windlass_engine::substitution::Expansion;
use windlass_engine::substitution::Replacer;
use windlass_engine::substitution::variables;

/// Small enough for thousands of runs a second, big enough for every rule.
const LIMITS: yaml::Limits = yaml::Limits {
    bytes: 1 << 16,
    depth: 100,
    nodes: 10_000,
    text: 1 << 20,
};

/// Bytes that one expansion may produce.
const EXPANSION: usize = 1 << 20;

/// The loader takes any bytes; what it reads is written and read back as the same; any value is decoded or refused.
pub fn yaml(bytes: &[u8]) {
    for document in yaml::load_within(bytes, &LIMITS).into_iter().flatten() {
        let text = yaml::emit(&document.value);
        let again = yaml::load(text.as_bytes());
        let again = again.as_ref().ok().and_then(|documents| documents.first());
        assert_eq!(again.map(|read| &read.value), Some(&document.value), "{text}");
        for mut problem in decode::<PipelineRun>(document.value).err().into_iter().flatten() {
            document.spans.locate(&mut problem);
            assert!(!problem.to_string().is_empty());
        }
    }
}

/// Any text expands with any values: within its limit, or refused; and what holds no variable stays as it is. The
/// first line is the text, the second a value, and the rest an array.
pub fn substitution(bytes: &[u8]) {
    let input = String::from_utf8_lossy(bytes);
    let mut lines = input.lines();
    let (template, value) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let items: Vec<String> = lines.map(str::to_owned).collect();
    let mut replacer = Replacer::new();
    let names = ["params.x".to_owned(), "params['x']".to_owned()];
    replacer.value(&names, &ParamValue::from(value));
    replacer.value(&["params.list".to_owned()], &ParamValue::Array(items));
    let mut expansion = Expansion::with_limit(&replacer, EXPANSION);
    // The limit is on what values add to the text.
    let bound = EXPANSION + template.len();
    if let Ok(text) = expansion.text(template) {
        assert!(text.len() <= bound);
        if variables(template).next().is_none() {
            assert_eq!(text, template);
        }
    }
    // Refusing is fine; what must not happen is a panic or more than the limit.
    if let Ok(list) = expansion.list(&[template.to_owned(), "$(params.list[*])".to_owned()]) {
        assert!(list.iter().map(String::len).sum::<usize>() <= bound);
    }
}

/// Any matrix fans out within the limit, or is refused.
pub fn matrix(bytes: &[u8]) {
    for document in yaml::load_within(bytes, &LIMITS).into_iter().flatten() {
        let Ok(parsed) = decode::<Matrix>(document.value) else {
            continue;
        };
        // Counting makes no combination, however many there would be.
        let _ = matrix::count(&parsed);
        if let Ok(combinations) = matrix::fan_out(&parsed, matrix::DEFAULT_LIMIT) {
            assert!(combinations.len() <= matrix::DEFAULT_LIMIT);
        }
    }
}
