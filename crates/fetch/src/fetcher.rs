//! One place that fetches everything, under one policy and with one cache.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::Weak;
use std::time::Instant;

use tokio::sync::Semaphore;

use crate::bundle;
use crate::cache::Cache;
use crate::cache::Key;
use crate::cache::Mode;
use crate::git;
use crate::http;
use crate::hub;
use crate::oci;
use crate::policy::Policy;
use crate::source::Fetched;

/// Fetches at one time; a git fetch is several processes, and a matrix can ask for hundreds.
const CONCURRENT: usize = 16;

/// Something could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// From git.
    #[error(transparent)]
    Git(#[from] git::Error),
    /// Over HTTP.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// From the hub.
    #[error(transparent)]
    Hub(#[from] hub::Error),
    /// From a bundle.
    #[error(transparent)]
    Bundle(#[from] bundle::Error),
}

/// Fetches files under one policy, keeping those that cannot change.
///
/// # Guarantees
/// Equal requests at the same time cost one fetch, where their result may be cached. A cached file is given
/// only to who asks with the credentials it was fetched with. Failures are never cached. No more than 16
/// fetches run at one time; waiting for one's turn does not count against the time limit.
pub struct Fetcher {
    policy: Policy,
    client: OnceLock<http::Client>,
    images: oci::Client,
    keyring: Arc<oci::Keyring>,
    cache: Mutex<Cache>,
    flights: Mutex<HashMap<Key, Weak<tokio::sync::Mutex<()>>>>,
    permits: Semaphore,
    now: Box<dyn Fn() -> Instant + Send + Sync>,
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Fetcher")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl Fetcher {
    /// Makes a fetcher with an empty default cache and the machine's clock.
    pub fn new(policy: Policy) -> Self {
        Self::with_cache(policy, Cache::default(), Instant::now)
    }

    /// Makes a fetcher with a cache and a clock to judge its entries' age by.
    pub fn with_cache(
        policy: Policy,
        cache: Cache,
        now: impl Fn() -> Instant + Send + Sync + 'static,
    ) -> Self {
        Self {
            images: oci::Client::plain(policy.clone()),
            policy,
            client: OnceLock::new(),
            keyring: Arc::default(),
            cache: Mutex::new(cache),
            flights: Mutex::default(),
            permits: Semaphore::new(CONCURRENT),
            now: Box::new(now),
        }
    }

    /// Reads images with a client that has settings of its own, such as mirrors, and with the logins of a keyring
    /// where a request has none that opens a registry.
    #[must_use]
    pub fn with_images(mut self, client: oci::Client, keyring: Arc<oci::Keyring>) -> Self {
        self.images = client;
        self.keyring = keyring;
        self
    }

    /// The policy this fetcher obeys.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Fetches a file from git. By [`Mode::Auto`] it is kept when the revision is a full commit hash.
    pub async fn git(&self, request: &git::Request, mode: Mode) -> Result<Arc<Fetched>, Error> {
        let key = mode.applies(request.is_immutable()).then(|| request.key());
        self.cached(key, async { Ok(git::fetch_file(request, &self.policy).await?) })
            .await
    }

    /// Fetches a file over HTTP. By [`Mode::Auto`] it is kept when the request names its digest.
    pub async fn http(&self, request: &http::Request, mode: Mode) -> Result<Arc<Fetched>, Error> {
        let key = mode.applies(request.is_immutable()).then(|| request.key());
        self.cached(key, async { Ok(self.client()?.get(request).await?) })
            .await
    }

    /// Fetches a task or pipeline from the hub. By [`Mode::Auto`] it is kept when the version is exact.
    pub async fn hub(&self, request: &hub::Request, mode: Mode) -> Result<Arc<Fetched>, Error> {
        let key = mode.applies(request.is_immutable()).then(|| request.key());
        self.cached(key, async { Ok(hub::fetch(request, self.client()?).await?) })
            .await
    }

    /// Fetches an object of a bundle. By [`Mode::Auto`] it is kept when the request names the bundle's digest.
    pub async fn bundle(&self, request: &bundle::Request, mode: Mode) -> Result<Arc<Fetched>, Error> {
        let own = oci::Keyring::clone(&request.keyring);
        let request = &bundle::Request {
            keyring: Arc::new(own.then(Arc::clone(&self.keyring))),
            ..request.clone()
        };
        let key = mode.applies(request.is_immutable()).then(|| request.key());
        self.cached(key, async { Ok(bundle::fetch(request, &self.images).await?) })
            .await
    }

    /// The HTTP client, made when it is first needed because reading certificates takes a while.
    fn client(&self) -> Result<&http::Client, http::Error> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = http::Client::new(self.policy.clone())?;
        Ok(self.client.get_or_init(|| client))
    }

    async fn cached(
        &self,
        key: Option<Key>,
        fetch: impl Future<Output = Result<Fetched, Error>>,
    ) -> Result<Arc<Fetched>, Error> {
        let Some(key) = key else {
            return self.permitted(fetch).await;
        };
        if let Some(found) = self.lookup(&key) {
            return Ok(found);
        }
        let flight = self.flight(&key);
        // Whoever finds a fetch under way waits for it once. If it failed, all who waited try for
        // themselves at the same time, so that a dead server costs its time-out twice and not once each.
        let first = flight.try_lock().ok();
        if first.is_none() {
            drop(flight.lock().await);
        }
        if let Some(found) = self.lookup(&key) {
            return Ok(found);
        }
        let fetched = self.permitted(fetch).await?;
        lock(&self.cache).insert(key, Arc::clone(&fetched), (self.now)());
        drop(first);
        Ok(fetched)
    }

    async fn permitted(
        &self,
        fetch: impl Future<Output = Result<Fetched, Error>>,
    ) -> Result<Arc<Fetched>, Error> {
        let permit = self.permits.acquire().await;
        // Boxed, because a fetch holds a lot across its waits.
        let fetched = Box::pin(fetch).await?;
        drop(permit);
        Ok(Arc::new(fetched))
    }

    fn lookup(&self, key: &Key) -> Option<Arc<Fetched>> {
        lock(&self.cache).get(key, (self.now)())
    }

    fn flight(&self, key: &Key) -> Arc<tokio::sync::Mutex<()>> {
        let mut flights = lock(&self.flights);
        if let Some(flight) = flights.get(key).and_then(Weak::upgrade) {
            return flight;
        }
        flights.retain(|_, flight| flight.strong_count() > 0);
        let flight = Arc::new(tokio::sync::Mutex::new(()));
        flights.insert(key.clone(), Arc::downgrade(&flight));
        flight
    }
}

/// No holder of these locks can leave what they guard half changed.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
