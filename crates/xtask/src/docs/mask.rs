//! Hides what differs from run to run: durations, times of day, commits, generated names, column widths.

/// The letters of generated name suffixes: no vowels, no digits that look like letters.
const SUFFIX: &str = "bcdfghjklmnpqrstvwxz2456789";

/// Returns the line with every volatile part replaced.
pub(crate) fn line(line: &str) -> String {
    let words: Vec<String> = line.split_whitespace().map(word).collect();
    words.join(" ")
}

fn word(word: &str) -> String {
    let core = word.trim_matches(|c: char| "()[],;:".contains(c));
    if is_duration(core) && !core.is_empty() {
        return word.replace(core, "<time>");
    }
    if is_timestamp(core) {
        return word.replace(core, "<instant>");
    }
    if core.len() == 40 && core.chars().all(|digit| digit.is_ascii_hexdigit()) {
        return word.replace(core, "<commit>");
    }
    suffixes(word)
}

/// `12ms`, `1.5s`, `1m2s`, `1h0m0s`.
fn is_duration(word: &str) -> bool {
    let mut rest = word;
    let mut parts = 0;
    while !rest.is_empty() {
        let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        if digits.len() == rest.len() {
            return false;
        }
        let Some(after) = ["ms", "µs", "us", "h", "m", "s"]
            .iter()
            .find_map(|unit| digits.strip_prefix(unit))
        else {
            return false;
        };
        rest = after;
        parts += 1;
    }
    parts > 0
}

/// `2026-01-31T12:00:00Z`, with or without a fraction.
fn is_timestamp(word: &str) -> bool {
    let bytes = word.as_bytes();
    word.len() >= 20 && word.ends_with('Z') && bytes.get(10) == Some(&b'T') && bytes.get(4) == Some(&b'-')
}

/// Replaces `-x7k2p` (a generated suffix) wherever a word holds one.
fn suffixes(word: &str) -> String {
    let parts: Vec<&str> = word.split('-').collect();
    let masked = parts.iter().enumerate().map(|(index, part)| {
        let end = part
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(part.len());
        let (name, tail) = part.split_at(end);
        let generated = index > 0 && name.len() == 5 && name.chars().all(|letter| SUFFIX.contains(letter));
        if generated {
            format!("xxxxx{tail}")
        } else {
            (*part).to_owned()
        }
    });
    masked.collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn only_volatile_parts_are_hidden() {
        let rows = [
            ("greet    Succeeded   12ms", "greet Succeeded <time>"),
            ("ended after (1m2.5s)", "ended after (<time>)"),
            ("hello-run-x7k2p/greet: done", "hello-run-xxxxx/greet: done"),
            ("hello-world stays", "hello-world stays"),
            ("at 2026-01-31T12:00:00Z", "at <instant>"),
            ("timeout: 10x", "timeout: 10x"),
            (
                "revision  7d0a36ff2b8847939284e7083a2d8a32863af3bd",
                "revision <commit>",
            ),
        ];
        for (given, expected) in rows {
            assert_eq!(line(given), expected);
        }
    }
}
