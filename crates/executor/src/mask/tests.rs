use proptest::prelude::*;

use super::Masks;
use crate::backend::Stream;
use crate::job::Secret;

fn masks(secrets: &[&str]) -> Masks {
    Masks::new(
        &secrets
            .iter()
            .map(|secret| Secret::new(*secret))
            .collect::<Vec<_>>(),
    )
}

fn cover_in_pieces(masks: &Masks, text: &[u8], piece: usize) -> Vec<u8> {
    let Some(mut mask) = masks.stream() else {
        return text.to_vec();
    };
    let mut shown = Vec::new();
    for chunk in text.chunks(piece) {
        mask.feed(Stream::Stdout, chunk, |clean| shown.extend_from_slice(clean));
    }
    mask.finish(|clean| shown.extend_from_slice(clean));
    shown
}

#[test]
fn every_shape_is_covered_wherever_the_chunks_end() {
    let rows: &[(&[&str], &str, &str)] = &[
        (
            &["hunter2!"],
            "the word is hunter2!, not hunter2",
            "the word is ***, not hunter2",
        ),
        (&["hunter2!"], "hunter2!hunter2!", "***"),
        (&["hunter2!"], "hunter2! hunter2!", "*** ***"),
        // base64 of "hunter2!", "xhunter2!" and "xyhunter2!", whose outermost characters depend on the neighbours.
        (
            &["hunter2!"],
            "aHVudGVyMiE= eGh1bnRlcjIh eHlodW50ZXIyIQ==",
            "***E= eG*** eHl***Q==",
        ),
        (
            &["hunter2!"],
            "68756e74657232 68756e7465723221 68756E7465723221",
            "68756e74657232 *** ***",
        ),
        (&["a b&c/d"], "q=a%20b%26c%2Fd q=a+b%26c%2fd", "q=*** q=***"),
        (&["say \"hi\""], r#"{"x":"say \"hi\""}"#, r#"{"x":"***"}"#),
        (&["abcd", "abcdef"], "abcdef abcde", "*** ***e"),
        (&["abcd", "cdxy"], "abcdxy", "***"),
        (
            &["eeee", "zzzz", "aaeeee-zzzz-bb"],
            "1 aaeeee-zzzz-bb 2 eeee-zzzz-bb",
            "1 *** 2 ***-***-bb",
        ),
        (
            &["first-line\nsecond-line\n"],
            "second-line then first-line",
            "*** then ***",
        ),
        (
            &["abc", "", "  \n"],
            "abc is too short to cover",
            "abc is too short to cover",
        ),
        (&["pass\n"], "pass\npass", "***\n***"),
    ];
    for (secrets, given, then) in rows {
        let masks = masks(secrets);
        for piece in 1..=given.len() {
            let shown = cover_in_pieces(&masks, given.as_bytes(), piece);
            assert_eq!(
                String::from_utf8_lossy(&shown),
                **then,
                "{given:?} in pieces of {piece}"
            );
        }
        assert_eq!(masks.cover(given), *then);
    }
}

#[test]
fn streams_do_not_disturb_each_other() {
    let mut mask = masks(&["hunter2!"]).stream().expect("a mask");
    let mut shown = Vec::new();
    for (stream, bytes) in [
        (Stream::Stdout, "hunt"),
        (Stream::Stderr, "oops "),
        (Stream::Stdout, "er2!"),
        (Stream::Stderr, "hunt"),
    ] {
        mask.feed(stream, bytes.as_bytes(), |clean| shown.extend_from_slice(clean));
    }
    mask.finish(|clean| shown.extend_from_slice(clean));
    assert_eq!(String::from_utf8_lossy(&shown), "oops ***hunt");
}

#[test]
fn a_clean_chunk_is_handed_on_as_it_is() {
    let mut mask = masks(&["hunter2!"]).stream().expect("a mask");
    let clean = vec![b'.'; 64 * 1024];
    let mut seen = Vec::new();
    mask.feed(Stream::Stdout, &clean, |bytes| {
        seen.push(std::ptr::eq(bytes, clean.as_slice()));
    });
    assert_eq!(seen, [true]);
}

#[test]
fn a_long_secret_is_covered_and_little_is_held_back() {
    let secret: String = (0..20_000)
        .map(|index| char::from(b'!' + u8::try_from(index % 89).expect("small")))
        .collect();
    let masks = masks(&[&secret]);
    for piece in [1000, 4096, 30_000] {
        let shown = cover_in_pieces(&masks, format!("<{secret}>").as_bytes(), piece);
        assert_eq!(String::from_utf8_lossy(&shown), "<***>");
    }
}

#[test]
fn secrets_never_show_in_debug_output() {
    assert_eq!(format!("{:?}", masks(&["hunter2!"])), "Masks(7 shapes)");
}

proptest! {
    #[test]
    fn no_secret_is_left_and_chunks_do_not_matter(
        secrets in proptest::collection::vec("[ab]{4,6}", 1..4),
        text in "[ab]{0,40}",
        piece in 1_usize..10,
    ) {
        let masks = Masks::new(&secrets.iter().map(|secret| Secret::new(secret.as_str())).collect::<Vec<_>>());
        let shown = String::from_utf8(cover_in_pieces(&masks, text.as_bytes(), piece)).expect("text");
        prop_assert!(!secrets.iter().any(|secret| shown.contains(secret.as_str())), "{shown}");
        prop_assert_eq!(&shown, &String::from_utf8(cover_in_pieces(&masks, text.as_bytes(), 100)).expect("text"));
        prop_assert_eq!(&shown, &covered_by_hand(&secrets, &text));
    }
}

/// The obvious way: marks each byte that any occurrence touches.
fn covered_by_hand(secrets: &[String], text: &str) -> String {
    let mut hidden = vec![false; text.len()];
    for secret in secrets {
        for start in 0..text.len() {
            if text[start..].starts_with(secret.as_str()) {
                hidden[start..start + secret.len()].fill(true);
            }
        }
    }
    let mut shown = String::new();
    for (index, letter) in text.char_indices() {
        if !hidden[index] {
            shown.push(letter);
        } else if index == 0 || !hidden[index - 1] {
            shown.push_str("***");
        }
    }
    shown
}
