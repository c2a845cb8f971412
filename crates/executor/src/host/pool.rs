//! First processes of sandboxes that wait for their next sandbox.
//!
//! Copying the launcher, making namespaces and letting go of both costs more than most steps. A first process whose
//! sandbox is gone has nothing left of it, so it is asked again. One that nobody asked for a while is let go.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::Weak;
use std::time::Duration;
use std::time::Instant;

use tokio::net::UnixStream;

use super::slot::Slot;
use super::slot::Slots;

/// More do not wait: as many sandboxes as this are seldom made at once.
const MOST: usize = 32;

/// How long a process waits to be asked again, at least; at most twice as long.
const PATIENCE: Duration = Duration::from_millis(500);

/// Sockets of the processes that wait.
#[derive(Debug)]
pub(super) struct Pool {
    slots: Arc<Slots>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<(Waiting, Instant)>,
    swept: bool,
}

/// A first process that waits for its next sandbox.
#[derive(Debug)]
pub(super) struct Waiting {
    /// By which it is asked.
    pub(super) socket: Arc<UnixStream>,
    /// Its last slot, untouched: it may have made the same view again already.
    pub(super) slot: Option<Slot>,
}

impl Pool {
    /// An empty pool, which gives slots back to `slots`.
    pub(super) fn new(slots: Arc<Slots>) -> Self {
        Self {
            slots,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the process that waits longest: it is likeliest to be ready.
    pub(super) fn take(&self) -> Option<Waiting> {
        self.state().waiting.pop_front().map(|(waiting, _)| waiting)
    }

    /// Takes a process back; one too many is let go. Must be called within a runtime.
    pub(super) fn give_back(self: &Arc<Self>, waiting: Waiting) {
        let mut state = self.state();
        if state.waiting.len() >= MOST {
            return self.end(waiting);
        }
        state.waiting.push_back((waiting, Instant::now()));
        if !state.swept {
            state.swept = true;
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    /// Lets go of all, with the backend.
    pub(super) fn clear(&self) {
        self.state().waiting.clear();
    }

    /// Lets go of one. Its slot is free when the process is gone, which has still to take down what it keeps there.
    fn end(&self, waiting: Waiting) {
        let Waiting { socket, slot } = waiting;
        let Some(slot) = slot else { return };
        let slots = Arc::clone(&self.slots);
        tokio::spawn(async move {
            // A socket whose other end is gone needs no closing.
            let _ = rustix::net::shutdown(&socket, rustix::net::Shutdown::Write);
            let mut nothing = [0; 64];
            while socket.readable().await.is_ok() {
                match socket.try_read(&mut nothing) {
                    Ok(1..) => {}
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                    Ok(0) | Err(_) => break,
                }
            }
            slots.free(slot);
        });
    }

    /// Lets go of those that wait for long; `false` when none is left.
    fn let_go(&self, now: Instant) -> bool {
        let mut state = self.state();
        while let Some((_, since)) = state.waiting.front()
            && now.saturating_duration_since(*since) >= PATIENCE
            && let Some((waiting, _)) = state.waiting.pop_front()
        {
            self.end(waiting);
        }
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
    use super::Slots;
    use super::Waiting;

    fn waiting(slots: &Slots) -> Waiting {
        let (socket, _) = UnixStream::pair().unwrap();
        Waiting {
            socket: Arc::new(socket),
            slot: Some(slots.take().unwrap()),
        }
    }

    #[tokio::test]
    async fn the_one_that_waits_longest_is_taken_and_too_many_are_let_go() {
        let scratch = tempfile::tempdir().unwrap();
        let slots = Arc::new(Slots::new(scratch.path().to_owned()));
        let pool = Arc::new(Pool::new(Arc::clone(&slots)));
        let all: Vec<_> = (0..=MOST).map(|_| waiting(&slots)).collect();
        let first = all.first().unwrap().slot.as_ref().unwrap().path().to_owned();
        for waiting in all {
            pool.give_back(waiting);
        }
        assert_eq!(pool.state().waiting.len(), MOST);
        assert_eq!(pool.take().unwrap().slot.unwrap().path(), first);
    }

    #[tokio::test]
    async fn a_slot_is_free_when_its_process_is_gone() {
        let scratch = tempfile::tempdir().unwrap();
        let slots = Arc::new(Slots::new(scratch.path().to_owned()));
        let pool = Arc::new(Pool::new(Arc::clone(&slots)));
        let (socket, process) = UnixStream::pair().unwrap();
        let (slot, next) = (slots.take().unwrap(), slots.take().unwrap());
        let path = slot.path().to_owned();
        let (socket, slot) = (Arc::new(socket), Some(slot));
        pool.end(Waiting { socket, slot });
        process.readable().await.unwrap();
        assert_ne!(slots.take().unwrap().path(), path, "the process is still there");
        drop((process, next));
        while slots.take().unwrap().path() != path {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn only_those_that_wait_for_long_are_let_go() {
        let scratch = tempfile::tempdir().unwrap();
        let slots = Arc::new(Slots::new(scratch.path().to_owned()));
        let pool = Arc::new(Pool::new(Arc::clone(&slots)));
        pool.give_back(waiting(&slots));
        assert!(pool.let_go(Instant::now()));
        assert!(!pool.let_go(Instant::now() + PATIENCE));
        assert!(pool.take().is_none());
    }
}
