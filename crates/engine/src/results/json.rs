//! JSON text as upstream writes it.

/// The JSON of an array of strings, in which `<`, `>`, `&` and the two line separators are escaped as Go escapes them.
pub fn json_text(items: &[String]) -> String {
    escaped(serde_json::Value::from(items).to_string())
}

/// JSON with the characters escaped that Go escapes.
pub(super) fn escaped(plain: String) -> String {
    if !plain.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        return plain;
    }
    let mut out = String::with_capacity(plain.len() + 16);
    for letter in plain.chars() {
        match letter {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            other => out.push(other),
        }
    }
    out
}
