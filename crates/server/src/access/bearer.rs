//! The proof that a request carries.

use http::HeaderMap;
use http::header::AUTHORIZATION;

/// Longest proof, in bytes: id tokens with many groups have some thousands.
const LONGEST: usize = 16 << 10;

/// What a request carries.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bearer<'a> {
    /// Nothing.
    None,
    /// Something that is no proof: two of them, another scheme, or more bytes than any has.
    Bad,
    /// The text of a token.
    Text(&'a str),
}

/// The proof in the headers of a request; one in the address is none, because addresses are logged.
pub(crate) fn bearer(headers: &HeaderMap) -> Bearer<'_> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = all.next() else {
        return Bearer::None;
    };
    let text = value.to_str().ok().and_then(|text| text.split_once(' '));
    match text {
        Some((scheme, text))
            if scheme.eq_ignore_ascii_case("bearer") && text.len() <= LONGEST && all.next().is_none() =>
        {
            match text.trim() {
                "" => Bearer::Bad,
                text => Bearer::Text(text),
            }
        }
        _ => Bearer::Bad,
    }
}
