//! The shapes in which a secret may show up.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Secrets and lines of secrets below this many bytes are left alone.
pub const SHORTEST: usize = 4;

/// A secret of several lines is often printed line by line. Short lines of structured text (`}` or `key:`) say nothing.
const SHORTEST_LINE: usize = 8;

/// Longer secrets are covered as written only: their encoded forms would cost more memory than they protect.
const LONGEST_ENCODED: usize = 16 * 1024;

/// Longer shapes are looked for in pieces, which bounds the bytes held back between two chunks.
pub(super) const LONGEST: usize = 4096;

/// Adds every shape of a secret to `shapes`.
pub(super) fn collect(secret: &[u8], shapes: &mut BTreeSet<Vec<u8>>) {
    let trimmed = secret.trim_ascii();
    if trimmed.len() < SHORTEST {
        return;
    }
    add(trimmed.to_vec(), shapes);
    for line in trimmed.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
        if line.len() >= SHORTEST_LINE {
            add(line.to_vec(), shapes);
        }
    }
    if secret.len() > LONGEST_ENCODED {
        return;
    }
    for alignment in 0..3 {
        add(base64_at(&STANDARD_NO_PAD, trimmed, alignment), shapes);
        add(base64_at(&URL_SAFE_NO_PAD, trimmed, alignment), shapes);
    }
    add(hexadecimal(trimmed, b"0123456789abcdef"), shapes);
    add(hexadecimal(trimmed, b"0123456789ABCDEF"), shapes);
    for digits in [b"0123456789ABCDEF", b"0123456789abcdef"] {
        add(percent(trimmed, digits, b"%20"), shapes);
        add(percent(trimmed, digits, b"+"), shapes);
    }
    if let Some(escaped) = std::str::from_utf8(trimmed)
        .ok()
        .and_then(|text| serde_json::to_vec(text).ok())
    {
        add(
            escaped.get(1..escaped.len() - 1).unwrap_or_default().to_vec(),
            shapes,
        );
    }
}

fn add(shape: Vec<u8>, shapes: &mut BTreeSet<Vec<u8>>) {
    if shape.len() <= LONGEST {
        if shape.len() >= SHORTEST {
            shapes.insert(shape);
        }
        return;
    }
    let mut rest = shape.as_slice();
    while rest.len() > LONGEST {
        let (piece, tail) = rest.split_at(LONGEST);
        shapes.insert(piece.to_vec());
        rest = tail;
    }
    // The last piece overlaps its predecessor, so that it is never too short to be looked for.
    shapes.insert(shape[shape.len() - LONGEST..].to_vec());
}

/// The characters that are the same whatever stands before and after the secret, when it starts `alignment` bytes into a
/// group of three.
fn base64_at(engine: &impl Engine, secret: &[u8], alignment: usize) -> Vec<u8> {
    let mut padded = vec![0; alignment];
    padded.extend_from_slice(secret);
    let encoded = engine.encode(&padded).into_bytes();
    let first = (alignment * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    encoded.get(first..last).unwrap_or_default().to_vec()
}

fn hexadecimal(secret: &[u8], digits: &[u8; 16]) -> Vec<u8> {
    secret
        .iter()
        .flat_map(|byte| [digit(digits, byte >> 4), digit(digits, byte & 15)])
        .collect()
}

fn percent(secret: &[u8], digits: &[u8; 16], space: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(secret.len());
    for byte in secret {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(*byte),
            b' ' => encoded.extend_from_slice(space),
            _ => encoded.extend([b'%', digit(digits, byte >> 4), digit(digits, byte & 15)]),
        }
    }
    encoded
}

fn digit(digits: &[u8; 16], nibble: u8) -> u8 {
    digits.get(usize::from(nibble)).copied().unwrap_or(b'0')
}
