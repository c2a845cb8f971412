//! The text of a token.

use ring::rand::SecureRandom;
use sha2::Digest as _;
use sha2::Sha256;
use windlass_api::secret::SecretText;

/// Digits of secrets, in the order of their values.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Digits of ids: those that names of objects may have.
const ID_DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// Digits of an id: 36^16 is 82 bits, so that no two are ever the same.
const ID_LENGTH: usize = 16;

/// Bytes of a secret.
const SECRET_BYTES: usize = 32;

/// Digits of a secret: 62^43 is the first power beyond 2^256.
const SECRET_LENGTH: usize = 43;

/// Digits of a checksum: 62^6 is the first power beyond 2^32.
const CHECK_LENGTH: usize = 6;

/// Who uses a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A person, or a program of theirs.
    User,
    /// A runner.
    Runner,
    /// A service account.
    ServiceAccount,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: &'static [Self] = &[Self::User, Self::Runner, Self::ServiceAccount];

    /// The word that `spec.purpose` of a token holds.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Runner => "runner",
            Self::ServiceAccount => "serviceaccount",
        }
    }

    /// How texts of such tokens begin.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::User => "wlu",
            Self::Runner => "wlr",
            Self::ServiceAccount => "wls",
        }
    }

    /// The purpose that `spec.purpose` of a token names; an empty one is a user's.
    pub fn of(word: &str) -> Option<Self> {
        let word = if word.is_empty() { "user" } else { word };
        Self::ALL.iter().copied().find(|purpose| purpose.as_str() == word)
    }
}

/// A text that has the form of a token. Whether it is one, the store knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// What the text says that it is for.
    pub purpose: Purpose,
    /// Name of the object that would describe it.
    pub id: String,
    /// SHA-256 of the text.
    pub hash: [u8; 32],
}

/// Takes a text apart; `None` when it has not the form of a token, as after a copy that lost its end.
pub fn parse(text: &str) -> Option<Parsed> {
    let mut parts = text.split('_');
    let (prefix, id, secret) = (parts.next()?, parts.next()?, parts.next()?);
    let purpose = Purpose::ALL.iter().copied();
    let purpose = purpose.into_iter().find(|purpose| purpose.prefix() == prefix)?;
    let well_formed = parts.next().is_none()
        && id.len() == ID_LENGTH
        && id.bytes().all(|digit| ID_DIGITS.contains(&digit))
        && secret.len() == SECRET_LENGTH + CHECK_LENGTH
        && secret.bytes().all(|digit| DIGITS.contains(&digit));
    if !well_formed {
        return None;
    }
    let (body, check) = text.split_at(text.len() - CHECK_LENGTH);
    (checksum(body) == check).then(|| Parsed {
        purpose,
        id: id.to_owned(),
        hash: Sha256::digest(text.as_bytes()).into(),
    })
}

/// Makes a token: its id and its text. `None` when the system gives no randomness.
pub(super) fn make(purpose: Purpose, random: &dyn SecureRandom) -> Option<(String, SecretText)> {
    let mut secret = [0_u8; SECRET_BYTES];
    let mut id = [0_u8; 16];
    random.fill(&mut secret).ok()?;
    random.fill(&mut id).ok()?;
    let id = digits(&id, ID_DIGITS, ID_LENGTH);
    let body = format!(
        "{}_{id}_{}",
        purpose.prefix(),
        digits(&secret, DIGITS, SECRET_LENGTH)
    );
    let check = checksum(&body);
    Some((id, SecretText::new(body + &check)))
}

/// Recognises copies with a slip, without a look into the store. It is no protection: whoever has the secret can compute it.
fn checksum(body: &str) -> String {
    let digest = Sha256::digest(format!("windlass token {body}").as_bytes());
    digits(digest.get(..4).unwrap_or_default(), DIGITS, CHECK_LENGTH)
}

/// The lowest digits of a number given in bytes, the most significant first.
fn digits(bytes: &[u8], alphabet: &[u8], length: usize) -> String {
    let base = u32::try_from(alphabet.len()).unwrap_or(u32::MAX);
    let mut number = bytes.to_vec();
    let mut text = Vec::with_capacity(length);
    for _ in 0..length {
        let mut rest = 0_u32;
        for byte in &mut number {
            let value = rest << 8 | u32::from(*byte);
            *byte = u8::try_from(value / base).unwrap_or(u8::MAX);
            rest = value % base;
        }
        let digit = usize::try_from(rest).ok().and_then(|rest| alphabet.get(rest));
        text.push(char::from(digit.copied().unwrap_or(b'0')));
    }
    text.iter().rev().collect()
}
