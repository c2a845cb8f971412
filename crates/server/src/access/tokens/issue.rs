//! Tokens are issued.

use std::fmt::Write as _;
use std::sync::Arc;

use ring::rand::SystemRandom;
use sha2::Digest as _;
use sha2::Sha256;
use windlass_api::Object;
use windlass_api::Time;
use windlass_api::meta::ObjectMeta;
use windlass_api::plane::Token;
use windlass_api::plane::TokenSpec;
use windlass_api::secret::SecretText;
use windlass_store::Store;
use windlass_store::Write;

use super::Purpose;
use super::text;

/// Why no token was issued.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system gave no randomness.
    #[error("get random bytes from the system")]
    Random,
    /// The store refused it.
    #[error("keep the token")]
    Keep(#[source] windlass_store::Error),
}

/// Whose a new token is and how long it lasts.
#[derive(Clone, Debug)]
pub struct Issue {
    /// Who uses it.
    pub purpose: Purpose,
    /// Name of the user that it proves.
    pub user: String,
    /// Groups of the user, besides those that everybody has.
    pub groups: Vec<String>,
    /// When it ends; never when absent.
    pub expires_at: Option<Time>,
    /// Servers that it is meant for; empty is every one.
    pub audiences: Vec<String>,
}

/// A new token. Its text is shown now or never.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The text.
    pub text: SecretText,
    /// The object that describes it, as stored.
    pub object: Object,
}

/// Makes a token and stores what is needed to recognise it.
///
/// # Errors
/// When there is no randomness, or the store refuses the object.
pub async fn issue(store: &Store, issue: Issue) -> Result<Issued, Error> {
    let (id, text) = text::make(issue.purpose, &SystemRandom::new()).ok_or(Error::Random)?;
    let token = Token {
        metadata: ObjectMeta {
            name: id,
            ..ObjectMeta::default()
        },
        spec: TokenSpec {
            user: issue.user,
            groups: issue.groups,
            purpose: issue.purpose.as_str().to_owned(),
            hash: hexadecimal(&Sha256::digest(text.expose().as_bytes())),
            expires_at: issue.expires_at,
            revoked: false,
            audiences: issue.audiences,
        },
        ..Token::default()
    };
    let object = Object::Token(Arc::new(token));
    let mut stored = store
        .commit(vec![Write::Create(object)])
        .await
        .map_err(Error::Keep)?;
    let lost = || {
        Error::Keep(windlass_store::Error::Unavailable(
            "nothing was stored".to_owned(),
        ))
    };
    let object = stored.pop().ok_or_else(lost)?;
    Ok(Issued { text, object })
}

/// Bytes as hexadecimal digits.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
