//! Waiting for a value in a future.

use bytemuck::Pod;

use super::{
    Initialiser, OnceLock,
    error::OnceError,
    state::{Found, OnceGate, OnceState, Wish},
};
use crate::{
    failure::Result,
    waiting::{
        Party,
        clerk::{HeldTicket, PassOn, TaskGate, wait_async},
        waiter::Waiter,
    },
};

impl<T: Pod> OnceLock<T> {
    /// Returns the value. Waits until it is set, by whatever process, without blocking the thread.
    ///
    /// It needs no particular runtime: see [`Mutex::lock_async`](crate::Mutex::lock_async).
    ///
    /// **Cancel safety.** A future that is dropped has changed nothing.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    pub async fn wait_async(&self) -> Result<&T, OnceError> {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        self.begin_async(Wish::See).await?;
        Ok(self.value())
    }

    /// Returns the value. Initialises it if it is not set, and waits if another process does, without blocking the thread.
    ///
    /// `init` runs in the poll that finds the value unset, and blocks the thread as long as it takes.
    ///
    /// **Cancel safety.** A future that is dropped has not initialised the value.
    ///
    /// ```
    /// use sysv_primitives::OnceLock;
    ///
    /// # let name = format!("once-async-example-{}", std::process::id());
    /// let answer = OnceLock::create(&name)?;
    /// assert_eq!(*pollster::block_on(answer.get_or_init_async(|| 42_u64))?, 42);
    /// assert_eq!(*pollster::block_on(answer.wait_async())?, 42);
    /// answer.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`get_or_init`](Self::get_or_init).
    pub async fn get_or_init_async(&self, init: impl FnOnce() -> T) -> Result<&T, OnceError> {
        self.get_or_try_init_async(|| Ok(init())).await
    }

    /// Returns the value. Initialises it by `init`, which may fail, if it is not set. Waits if another process does, without
    /// blocking the thread.
    ///
    /// **Cancel safety.** As [`get_or_init_async`](Self::get_or_init_async).
    ///
    /// # Errors
    ///
    /// As [`get_or_try_init`](Self::get_or_try_init).
    pub async fn get_or_try_init_async<E: From<OnceError>>(
        &self,
        init: impl FnOnce() -> Result<T, E>,
    ) -> Result<&T, E> {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        match self.begin_async(Wish::Initialise).await? {
            // If `init` fails or panics, the drop of the initialiser cancels.
            Some(initialiser) => Ok(initialiser.set(init()?)?),
            None => Ok(self.value()),
        }
    }

    /// Sets the value. Waits while another process or thread initialises it, without blocking the thread.
    ///
    /// **Cancel safety.** The value is set only in the poll that returns `Ok`.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    pub async fn set_async(&self, value: T) -> Result<(), OnceError> {
        match self.begin_async(Wish::Initialise).await? {
            Some(initialiser) => initialiser.set(value).map(drop),
            None => Err(OnceError::AlreadySet { object: self.object.name().clone() }),
        }
    }

    async fn begin_async(&self, wish: Wish) -> Result<Option<Initialiser<'_, T>>, OnceError> {
        let me = self.members.session(&self.state)?;
        let party = Party { members: &self.members, repair: &self.state, me };
        let found = match self.state.find_now(party, wish)? {
            Some(found) => found,
            None => self.state.wait_for_async(party, wish).await?,
        };
        Ok(self.found(me, found))
    }
}

impl OnceState {
    async fn wait_for_async(&self, party: Party<'_, Self>, wish: Wish) -> Result<Found> {
        // As in `wait_for`.
        let interest = u64::from(wish == Wish::See);
        let station = |held: &HeldTicket| Waiter::of_task(&self.room, OnceGate, party.me, interest, held);
        wait_async(party, station, |round| self.check(party, wish, round)).await
    }
}

impl TaskGate for OnceGate {
    /// All waiters are called at once, so none passes a call on.
    fn pass_on(&self) -> PassOn {
        Box::new(|_, _| Ok(()))
    }
}
