//! From bytes to the text a YAML parser may see.

use std::borrow::Cow;

use crate::problem::FieldPath;
use crate::problem::Position;
use crate::problem::Problem;

const CODE: &str = "yaml-encoding";

/// Checks and decodes the bytes of a file: UTF-8 with or without byte order mark, or UTF-16 with one.
///
/// # Errors
/// One problem that names the place, for invalid sequences, NUL bytes and other control characters.
pub(super) fn decode_text(bytes: &[u8]) -> Result<Cow<'_, str>, Box<Problem>> {
    let text = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest)?,
        [0xff, 0xfe, rest @ ..] => Cow::Owned(utf16(rest, u16::from_le_bytes)?),
        [0xfe, 0xff, rest @ ..] => Cow::Owned(utf16(rest, u16::from_be_bytes)?),
        _ => utf8(bytes)?,
    };
    match text
        .char_indices()
        .find(|&(_, character)| !is_printable(character))
    {
        None => Ok(text),
        Some((offset, character)) => Err(Box::new(unprintable(&text, offset, character))),
    }
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, Box<Problem>> {
    std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| {
        let (valid, rest) = bytes.split_at(error.valid_up_to());
        let byte = rest.first().copied().unwrap_or_default();
        // The part before the error is valid, so nothing is replaced here.
        let before = String::from_utf8_lossy(valid);
        let problem = Problem::error(
            CODE,
            FieldPath::root(),
            format!("not valid UTF-8: byte 0x{byte:02x}"),
        )
        .at(position_of(&before, before.len()))
        .hint("save the file as UTF-8");
        Box::new(problem)
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Box<Problem>> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(bytes.len());
    for decoded in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        match decoded {
            Ok(character) => text.push(character),
            Err(_) => return Err(Box::new(invalid_utf16(&text))),
        }
    }
    if rest.is_empty() {
        Ok(text)
    } else {
        Err(Box::new(invalid_utf16(&text)))
    }
}

fn invalid_utf16(before: &str) -> Problem {
    Problem::error(
        CODE,
        FieldPath::root(),
        "not valid UTF-16, which its first two bytes say it is",
    )
    .at(position_of(before, before.len()))
    .hint("save the file as UTF-8")
}

/// The characters YAML lets stand in a file; all others have to be escaped in double quotes.
fn is_printable(character: char) -> bool {
    matches!(character,
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
        && character != '\u{feff}'
}

fn unprintable(text: &str, offset: usize, character: char) -> Problem {
    let problem = match character {
        '\0' => Problem::error(CODE, FieldPath::root(), "NUL byte in a text file").hint(
            "this is a binary file, or text saved as UTF-16 without a byte order mark; save it as UTF-8",
        ),
        '\u{feff}' => Problem::error(
            CODE,
            FieldPath::root(),
            "byte order mark in the middle of the file",
        )
        .hint("delete the invisible character U+FEFF; it may only stand at the beginning"),
        _ => Problem::error(
            CODE,
            FieldPath::root(),
            format!("control character U+{:04X} is not allowed", u32::from(character)),
        )
        .hint(format!(
            "write it as \"\\u{:04x}\" inside double quotes",
            u32::from(character)
        )),
    };
    problem.at(position_of(text, offset))
}

/// The place of a byte offset, which must lie on a character's boundary.
fn position_of(text: &str, offset: usize) -> Position {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    Position {
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: u32::try_from(column).unwrap_or(u32::MAX),
    }
}
