//! Text of strangers, made safe for a terminal.

/// Appends bytes as text that cannot move the cursor, change the title or answer back: colours stay, if they may,
/// everything else that a terminal would obey is shown as a picture of itself. Bytes that are no UTF-8 become `�`.
pub(crate) fn neutralise(bytes: &[u8], keep_colors: bool, out: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(bytes);
    let mut rest = text.as_ref();
    while let Some(at) = rest.find(is_obeyed) {
        let (before, from) = rest.split_at(at);
        out.extend_from_slice(before.as_bytes());
        if let Some(length) = color_sequence(from) {
            let (sequence, after) = from.split_at(length);
            if keep_colors {
                out.extend_from_slice(sequence.as_bytes());
            }
            rest = after;
            continue;
        }
        let mut characters = from.chars();
        if let Some(character) = characters.next() {
            let mut buffer = [0; 4];
            out.extend_from_slice(picture(character).encode_utf8(&mut buffer).as_bytes());
        }
        rest = characters.as_str();
    }
    out.extend_from_slice(rest.as_bytes());
}

/// A text of strangers in which nothing is left that a terminal would obey.
pub(crate) fn safe(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    neutralise(text.as_bytes(), false, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Control characters, except the tab; also those of C1, which some terminals obey, and those that turn the direction
/// of text around.
fn is_obeyed(character: char) -> bool {
    (character.is_control() && character != '\t')
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Length of a leading colour sequence (`ESC [ digits and semicolons m`).
fn color_sequence(text: &str) -> Option<usize> {
    let inside = text.strip_prefix("\x1b[")?;
    let end = inside.find(|c: char| !c.is_ascii_digit() && c != ';' && c != ':')?;
    (end <= 32 && inside.get(end..)?.starts_with('m')).then_some(2 + end + 1)
}

fn picture(character: char) -> char {
    match character {
        '\0'..='\x1f' => char::from_u32(0x2400 + character as u32).unwrap_or('\u{fffd}'),
        '\x7f' => '\u{2421}',
        _ => '\u{fffd}',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_colours_pass_to_a_terminal() {
        let rows: [(&[u8], bool, &str); 9] = [
            (b"plain \ttext", true, "plain \ttext"),
            (b"\x1b[1;31mred\x1b[0m", true, "\x1b[1;31mred\x1b[0m"),
            (b"\x1b[1;31mred\x1b[0m", false, "red"),
            (b"\x1b[2Jgone", true, "\u{241b}[2Jgone"),
            (b"\x1b]0;title\x07", true, "\u{241b}]0;title\u{2407}"),
            (b"a\rb\x08\x7f", true, "a\u{240d}b\u{2408}\u{2421}"),
            (b"\xff\xfe ok", true, "\u{fffd}\u{fffd} ok"),
            ("\u{9b}31m".as_bytes(), true, "\u{fffd}31m"),
            ("\u{202e}evil".as_bytes(), true, "\u{fffd}evil"),
        ];
        for (given, colors, then) in rows {
            let mut out = Vec::new();
            neutralise(given, colors, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), then);
        }
    }
}
