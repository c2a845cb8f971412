//! What a token proves.

use std::net::SocketAddr;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::future::ready;
use http::HeaderMap;
use subtle::ConstantTimeEq as _;
use tokio::sync::mpsc;
use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::Time;
use windlass_api::plane::Token;
use windlass_runtime::Clock;
use windlass_store::Store;
use windlass_store::Write;

use super::Purpose;
use super::issue::hexadecimal;
use super::text::parse;
use crate::access::Authenticate;
use crate::access::Unauthenticated;
use crate::access::User;
use crate::access::anonymous;
use crate::access::bearer::Bearer;
use crate::access::bearer::bearer;
use crate::access::known;

/// Group of everything that runs steps.
pub const RUNNERS: &str = "windlass:runners";

/// Milliseconds during which further uses of a token are not noted.
const NOTED: i64 = 60_000;

/// Uses that wait to be noted; beyond it they are not.
const WAITING: usize = 256;

/// Finds out who asks by tokens of the plane, from memory.
#[derive(Clone)]
pub struct Tokens {
    store: Store,
    clock: Arc<dyn Clock>,
    audience: String,
    uses: mpsc::Sender<Key>,
}

/// Notes when tokens were used, away from the requests that use them.
pub struct Uses {
    store: Store,
    clock: Arc<dyn Clock>,
    waiting: mpsc::Receiver<Key>,
}

impl Tokens {
    /// Recognises the tokens of a store that are meant for `audience`. Uses are noted as long as [`Uses::note`] runs.
    pub fn new(store: Store, clock: Arc<dyn Clock>, audience: impl Into<String>) -> (Self, Uses) {
        let (uses, waiting) = mpsc::channel(WAITING);
        let tokens = Self {
            store: store.clone(),
            clock: Arc::clone(&clock),
            audience: audience.into(),
            uses,
        };
        (
            tokens,
            Uses {
                store,
                clock,
                waiting,
            },
        )
    }

    /// The user whom a text proves.
    ///
    /// # Errors
    /// When it has not the form of a token, is unknown, expired, revoked, or meant for others.
    pub fn verify(&self, text: &str) -> Result<User, Unauthenticated> {
        let parsed = parse(text).ok_or(Unauthenticated)?;
        let key = Key::new(Kind::Token, "", parsed.id.as_str());
        let object = self.store.get(&key).ok_or(Unauthenticated)?;
        let token = object.get::<Token>().ok_or(Unauthenticated)?;
        let now = self.clock.now();
        let spec = &token.spec;
        let same = hexadecimal(&parsed.hash)
            .as_bytes()
            .ct_eq(spec.hash.as_bytes())
            .into();
        let good = same
            && Purpose::of(&spec.purpose) == Some(parsed.purpose)
            && !spec.user.is_empty()
            && !spec.revoked
            && token.metadata.deletion_timestamp.is_none()
            && spec.expires_at.is_none_or(|end| now < end)
            && (spec.audiences.is_empty() || spec.audiences.contains(&self.audience));
        if !good {
            return Err(Unauthenticated);
        }
        if is_due(token, now) {
            // A full queue means that this use is not noted, which the next one makes up for.
            let _ = self.uses.try_send(key);
        }
        Ok(user(token, parsed.purpose))
    }
}

impl Authenticate for Tokens {
    fn authenticate<'a>(
        &'a self,
        headers: &'a HeaderMap,
        _: Option<SocketAddr>,
    ) -> BoxFuture<'a, Result<User, Unauthenticated>> {
        let user = match bearer(headers) {
            Bearer::None => Ok(anonymous()),
            Bearer::Bad => Err(Unauthenticated),
            Bearer::Text(text) => self.verify(text),
        };
        ready(user).boxed()
    }
}

impl Uses {
    /// Notes uses until the last [`Tokens`] is gone.
    pub async fn note(mut self) {
        while let Some(key) = self.waiting.recv().await {
            let now = self.clock.now();
            let object = self.store.get(&key);
            let Some(token) = object.as_ref().and_then(Object::get::<Token>) else {
                continue;
            };
            if !is_due(token, now) {
                continue;
            }
            let mut used = Token::clone(token);
            used.status.last_used = Some(now.truncated_to_seconds());
            let write = Write::UpdateStatus(Object::Token(Arc::new(used)));
            if let Err(error) = self.store.commit(vec![write]).await {
                tracing::debug!(%error, token = %key.name, "failed to note the use of a token");
            }
        }
    }
}

fn is_due(token: &Token, now: Time) -> bool {
    let last = token.status.last_used;
    last.is_none_or(|last| now.as_millis() - last.as_millis() >= NOTED)
}

fn user(token: &Token, purpose: Purpose) -> User {
    let mut user = known(&token.spec.user, &token.metadata.uid, &token.spec.groups);
    if purpose == Purpose::Runner {
        user.groups.push(RUNNERS.to_owned());
    }
    user.extra.insert(
        "authentication.kubernetes.io/credential-id".to_owned(),
        vec![format!("windlass-token={}", token.metadata.name)],
    );
    user
}
