//! Any text expands with any values: within its limit, or refused; and what holds no variable stays as it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use windlass_api::tekton::ParamValue;
use windlass_engine::substitution::Expansion;
use windlass_engine::substitution::Replacer;
use windlass_engine::substitution::variables;

/// Bytes that one expansion may produce.
const LIMIT: usize = 1 << 20;

fuzz_target!(|input: (String, String, Vec<String>)| {
    let (template, value, items) = input;
    let mut replacer = Replacer::new();
    replacer.value(
        &["params.x".to_owned(), "params['x']".to_owned()],
        &ParamValue::String(value),
    );
    replacer.value(&["params.list".to_owned()], &ParamValue::Array(items));
    let mut expansion = Expansion::with_limit(&replacer, LIMIT);
    // The limit is on what values add to the text.
    let bound = LIMIT + template.len();
    if let Ok(text) = expansion.text(&template) {
        assert!(text.len() <= bound);
        if variables(&template).next().is_none() {
            assert_eq!(text, template);
        }
    }
    // Refusing is fine; what must not happen is a panic or more than the limit.
    if let Ok(list) = expansion.list(&[template, "$(params.list[*])".to_owned()]) {
        assert!(list.iter().map(String::len).sum::<usize>() <= bound);
    }
});
