//! First processes of sandboxes that wait for their next sandbox.
//!
//! Copying the launcher, making namespaces and letting go of both costs more than most steps. A first process whose
//! sandbox is gone has nothing left of it, so it is asked again. One that nobody asked for a while is let go.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::Weak;
use std::time::Duration;
use std::time::Instant;

use tokio::net::UnixStream;

/// More do not wait: as many sandboxes as this are seldom made at once.
const MOST: usize = 32;

/// How long a process waits to be asked again, at least; at most twice as long.
const PATIENCE: Duration = Duration::from_millis(500);

/// Sockets of the processes that wait.
#[derive(Debug, Default)]
pub(super) struct Pool {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<(Arc<UnixStream>, Instant)>,
    swept: bool,
}

impl Pool {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the process that was used last.
    pub(super) fn take(&self) -> Option<Arc<UnixStream>> {
        self.state().waiting.pop().map(|(socket, _)| socket)
    }

    /// Takes a process back; one too many is let go. Must be called within a runtime.
    pub(super) fn give_back(self: &Arc<Self>, socket: Arc<UnixStream>) {
        let mut state = self.state();
        if state.waiting.len() >= MOST {
            return;
        }
        state.waiting.push((socket, Instant::now()));
        if !state.swept {
            state.swept = true;
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    /// Lets go of all.
    pub(super) fn clear(&self) {
        self.state().waiting.clear();
    }

    /// Lets go of those that wait for long; `false` when none is left.
    fn let_go(&self, now: Instant) -> bool {
        let mut state = self.state();
        state
            .waiting
            .retain(|(_, since)| now.saturating_duration_since(*since) < PATIENCE);
        state.swept = !state.waiting.is_empty();
        state.swept
    }
}

async fn sweep(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(PATIENCE).await;
        if !pool.upgrade().is_some_and(|pool| pool.let_go(Instant::now())) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use tokio::net::UnixStream;

    use super::MOST;
    use super::PATIENCE;
    use super::Pool;

    #[tokio::test]
    async fn the_last_used_is_taken_first_and_too_many_are_let_go() {
        let pool = Arc::new(Pool::default());
        let mut last = None;
        for _ in 0..=MOST {
            let (socket, _) = UnixStream::pair().unwrap();
            let socket = Arc::new(socket);
            if pool.state().waiting.len() < MOST {
                last = Some(Arc::clone(&socket));
            }
            pool.give_back(socket);
        }
        assert_eq!(pool.state().waiting.len(), MOST);
        assert!(Arc::ptr_eq(&pool.take().unwrap(), &last.unwrap()));
    }

    #[tokio::test]
    async fn only_those_that_wait_for_long_are_let_go() {
        let pool = Arc::new(Pool::default());
        let (socket, _) = UnixStream::pair().unwrap();
        pool.give_back(Arc::new(socket));
        assert!(pool.let_go(Instant::now()));
        assert!(!pool.let_go(Instant::now() + PATIENCE));
        assert!(pool.take().is_none());
    }
}
