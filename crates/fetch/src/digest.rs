//! Digests a user pins content to.

use std::fmt::Write as _;
use std::str::FromStr;

use sha2::Digest as _;
use sha2::Sha256;
use sha2::Sha512;

/// Content digest, written `sha256:<64 hex digits>` or `sha512:<128 hex digits>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    algorithm: Algorithm,
    value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Sha256,
    Sha512,
}

/// A digest that cannot be read, or content that does not have it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DigestError {
    /// The text has no `algorithm:value` form.
    #[error("invalid digest format: {0}; write sha256:<hex> or sha512:<hex>")]
    Format(String),
    /// The algorithm is neither `sha256` nor `sha512`.
    #[error("invalid digest algorithm: {0}; use sha256 or sha512")]
    Algorithm(String),
    /// The value has the wrong number of digits for its algorithm.
    #[error("invalid {algorithm} digest value, expected length: {expected}, got: {got}")]
    Length {
        /// Name of the algorithm.
        algorithm: &'static str,
        /// Number of digits the algorithm has.
        expected: usize,
        /// Number of characters found.
        got: usize,
    },
    /// The value has characters that are no hexadecimal digits.
    #[error("invalid {algorithm} digest value {value}: not hexadecimal")]
    Hex {
        /// Name of the algorithm.
        algorithm: &'static str,
        /// The value as given.
        value: String,
    },
    /// The content has another digest than the one asked for.
    #[error("SHA mismatch, expected {expected}, got {got}; the content changed since it was pinned")]
    Mismatch {
        /// The digest asked for.
        expected: String,
        /// The digest of the content.
        got: String,
    },
}

impl Algorithm {
    const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    const fn digits(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (name, value) = text
            .split_once(':')
            .ok_or_else(|| DigestError::Format(text.to_owned()))?;
        let algorithm = match name {
            "sha256" => Algorithm::Sha256,
            "sha512" => Algorithm::Sha512,
            other => return Err(DigestError::Algorithm(other.to_owned())),
        };
        let (algorithm_name, expected) = (algorithm.name(), algorithm.digits());
        if value.len() != expected {
            return Err(DigestError::Length {
                algorithm: algorithm_name,
                expected,
                got: value.len(),
            });
        }
        if !value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(DigestError::Hex {
                algorithm: algorithm_name,
                value: value.to_owned(),
            });
        }
        Ok(Self {
            algorithm,
            value: value.to_ascii_lowercase(),
        })
    }
}

impl Digest {
    /// Checks that `bytes` have this digest.
    pub fn verify(&self, bytes: &[u8]) -> Result<(), DigestError> {
        let got = match self.algorithm {
            Algorithm::Sha256 => sha256_hex(bytes),
            Algorithm::Sha512 => hex(&Sha512::digest(bytes)),
        };
        if got == self.value {
            return Ok(());
        }
        Err(DigestError::Mismatch {
            expected: self.value.clone(),
            got,
        })
    }
}

/// The SHA-256 digest of `bytes` in lower-case hexadecimal digits.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::Digest;

    const ABC_256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const ABC_512: &str = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                           2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

    #[test]
    fn a_digest_is_accepted_or_refused_for_a_stated_reason() {
        let upper = ABC_256.to_uppercase();
        let other = ABC_256.replace('b', "c");
        let bad_hex = ABC_256.replace('b', "x");
        let rows = [
            (format!("sha256:{ABC_256}"), ""),
            (format!("sha256:{upper}"), ""),
            (format!("sha512:{ABC_512}"), ""),
            (ABC_256.to_owned(), "invalid digest format: "),
            (String::new(), "invalid digest format: "),
            (
                "md5:900150983cd24fb0d6963f7d28e17f72".to_owned(),
                "invalid digest algorithm: md5",
            ),
            (format!("SHA256:{ABC_256}"), "invalid digest algorithm: SHA256"),
            (
                "sha256:abc".to_owned(),
                "invalid sha256 digest value, expected length: 64, got: 3",
            ),
            (
                format!("sha512:{ABC_256}"),
                "invalid sha512 digest value, expected length: 128, got: 64",
            ),
            (format!("sha256:{bad_hex}"), "invalid sha256 digest value "),
            (format!("sha256:{other}"), "SHA mismatch, expected "),
        ];
        for (text, expected) in rows {
            let outcome = text.parse::<Digest>().and_then(|digest| digest.verify(b"abc"));
            let message = outcome.err().map_or_else(String::new, |error| error.to_string());
            assert_eq!(expected.is_empty(), message.is_empty(), "{text}: {message}");
            assert!(message.starts_with(expected), "{text}: {message}");
        }
    }
}
