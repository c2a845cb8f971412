//! Tokens: secrets that prove who somebody is, shown once and kept as digests.
//!
//! A token reads `wlu_<name>_<secret>`: what it is for, the name of its [`Token`] object, and 256 random bits. The name
//! makes looking it up cost the same for one as for a million; the prefix lets people and scanners tell what they found.

use std::fmt::Write as _;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use sha2::Digest as _;
use sha2::Sha256;
use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Resource as _;
use windlass_api::Time;
use windlass_api::meta::ObjectMeta;
use windlass_api::plane::Token;
use windlass_api::plane::TokenSpec;
use windlass_runtime::Clock;
use windlass_store::Store;
use windlass_store::Write;

use super::Authenticate;
use super::Unauthenticated;
use super::User;

/// Bytes of a secret.
const SECRET: usize = 32;

/// Bytes of a name.
const NAME: usize = 8;

/// Most bytes of a token that are looked at.
const LONGEST: usize = 256;

/// Purposes and their prefixes.
const PREFIXES: &[(&str, &str)] = &[("user", "wlu"), ("runner", "wlr"), ("serviceaccount", "wls")];

/// Why a token was not issued.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such purpose.
    #[error("issue a token for {0:?}: it is for user, runner or serviceaccount")]
    Purpose(String),
    /// The system gives no random numbers.
    #[error("make a secret: the system gives no random numbers")]
    Random,
    /// It could not be kept.
    #[error("keep a token: {0}")]
    Keep(#[source] windlass_store::Error),
}

/// Issues a token. Answers with its text, which is nowhere else.
///
/// # Errors
/// When it cannot be made or kept.
pub async fn issue(store: &Store, spec: TokenSpec) -> Result<String, Error> {
    let purpose = if spec.purpose.is_empty() {
        "user"
    } else {
        spec.purpose.as_str()
    };
    let known = PREFIXES.iter().find(|(name, _)| *name == purpose);
    let (_, prefix) = known.ok_or_else(|| Error::Purpose(purpose.to_owned()))?;
    let (name, secret) = (random::<NAME>()?, random::<SECRET>()?);
    let text = format!("{prefix}_{name}_{secret}");
    let token = Token {
        metadata: ObjectMeta {
            name,
            ..ObjectMeta::default()
        },
        spec: TokenSpec {
            purpose: purpose.to_owned(),
            hash: digest(&text),
            ..spec
        },
        ..Token::default()
    };
    let write = Write::Create(Arc::new(token).into_object());
    store.commit(vec![write]).await.map_err(Error::Keep)?;
    Ok(text)
}

/// So many random bytes in hexadecimal digits.
fn random<const BYTES: usize>() -> Result<String, Error> {
    let mut bytes = [0; BYTES];
    let provider = rustls::crypto::ring::default_provider();
    provider
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| Error::Random)?;
    Ok(hexadecimal(&bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing to a text cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn digest(text: &str) -> String {
    hexadecimal(&Sha256::digest(text))
}

/// Whether two texts are the same, in a time that does not tell where they differ.
fn is_same(one: &str, other: &str) -> bool {
    let differences = one
        .bytes()
        .zip(other.bytes())
        .fold(0, |sum, (a, b)| sum | (a ^ b));
    differences == 0 && one.len() == other.len()
}

/// Finds out who asks by bearer tokens.
pub struct Tokens {
    /// Where tokens are.
    pub store: Store,
    /// The present.
    pub clock: Arc<dyn Clock>,
}

impl Tokens {
    fn user_of(&self, text: &str, now: Time) -> Option<User> {
        if text.len() > LONGEST {
            return None;
        }
        let mut parts = text.splitn(3, '_');
        let (prefix, name, _) = (parts.next()?, parts.next()?, parts.next()?);
        let (purpose, _) = PREFIXES.iter().find(|(_, known)| *known == prefix)?;
        let object = self.store.get(&Key::new(Kind::Token, "", name))?;
        let spec = &object.get::<Token>()?.spec;
        let is_good = is_same(&digest(text), &spec.hash)
            && spec.purpose == *purpose
            && !spec.revoked
            && spec.expires_at.is_none_or(|end| now < end);
        if !is_good {
            return None;
        }
        let mut groups = spec.groups.clone();
        groups.push("system:authenticated".to_owned());
        Some(User {
            name: spec.user.clone(),
            uid: object.metadata().uid.clone(),
            groups,
            ..User::default()
        })
    }
}

impl Authenticate for Tokens {
    fn authenticate<'a>(&'a self, headers: &'a HeaderMap) -> BoxFuture<'a, Result<User, Unauthenticated>> {
        let Some(header) = headers.get(AUTHORIZATION) else {
            let nobody = User {
                name: "system:anonymous".to_owned(),
                groups: vec!["system:unauthenticated".to_owned()],
                ..User::default()
            };
            return std::future::ready(Ok(nobody)).boxed();
        };
        let text = header.to_str().ok().and_then(|text| {
            let (scheme, token) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let user = text.and_then(|text| self.user_of(text, self.clock.now()));
        std::future::ready(user.ok_or(Unauthenticated)).boxed()
    }
}
