//! The forms of each verb that follow from the one with a deadline: of a [`Channel`](super::Channel) and of a
//! [`TypedQueue`](super::TypedQueue).

/// Inside an `impl` that has `send_deadline` and `send_raw_deadline`. The docs are those of `send` and `send_raw`.
macro_rules! sending_forms {
    (send: { $(#[$send:meta])* } send_raw: { $(#[$send_raw:meta])* }) => {
        $(#[$send])*
        #[inline]
        pub fn send<T: Message>(&self, value: &T) -> Result<(), SendError> {
            self.send_deadline(value, Deadline::NEVER)
        }

        /// Sends a value if there is room now.
        ///
        /// # Errors
        ///
        /// As [`send`](Self::send), and [`SendError::Full`] if there is none.
        #[inline]
        pub fn try_send<T: Message>(&self, value: &T) -> Result<(), SendError> {
            self.send_deadline(value, Deadline::NOW)
        }

        /// Sends a value. Blocks for at most `timeout`.
        ///
        /// # Errors
        ///
        /// As [`send`](Self::send), and [`SendError::TimedOut`] if the timeout elapses.
        pub fn send_timeout<T: Message>(&self, value: &T, timeout: Duration) -> Result<(), SendError> {
            self.send_deadline(value, Deadline::after(timeout))
        }

        /// Sends several values in order, until the deadline. Returns how many were sent.
        ///
        /// # Errors
        ///
        /// How many were sent, and why the next one was not, as [`send_timeout`](Self::send_timeout).
        pub fn send_many<'a, T: Message + 'a>(
            &self,
            values: impl IntoIterator<Item = &'a T>,
            deadline: Deadline,
        ) -> Result<usize, (usize, SendError)> {
            let mut sent = 0;
            for value in values {
                self.send_deadline(value, deadline).map_err(|error| (sent, error))?;
                sent += 1;
            }
            Ok(sent)
        }

        $(#[$send_raw])*
        pub fn send_raw(&self, route: Route, bytes: &[u8]) -> Result<(), SendError> {
            self.send_raw_deadline(route, bytes, Deadline::NEVER)
        }

        /// Sends bytes as they are, if there is room now.
        ///
        /// # Errors
        ///
        /// As [`send_raw`](Self::send_raw), and [`SendError::Full`] if there is none.
        pub fn try_send_raw(&self, route: Route, bytes: &[u8]) -> Result<(), SendError> {
            self.send_raw_deadline(route, bytes, Deadline::NOW)
        }

        /// Sends bytes. Blocks until there is room, for at most `timeout`.
        ///
        /// # Errors
        ///
        /// As [`send_raw`](Self::send_raw), and [`SendError::TimedOut`] if the timeout elapses.
        pub fn send_raw_timeout(&self, route: Route, bytes: &[u8], timeout: Duration) -> Result<(), SendError> {
            self.send_raw_deadline(route, bytes, Deadline::after(timeout))
        }
    };
}

/// Inside an `impl` that has the five receiving verbs with a deadline. The docs are those of `recv`.
macro_rules! receiving_forms {
    ($(#[$recv:meta])*) => {
        $(#[$recv])*
        pub fn recv<T: Message>(&self) -> Result<T, RecvError> {
            self.recv_deadline(Deadline::NEVER)
        }

        /// Receives the oldest value of this type, if there is one now.
        ///
        /// # Errors
        ///
        /// As [`recv`](Self::recv), and [`RecvError::Empty`] if there is none.
        pub fn try_recv<T: Message>(&self) -> Result<T, RecvError> {
            self.recv_deadline(Deadline::NOW)
        }

        /// Receives the oldest value of this type. Blocks for at most `timeout`.
        ///
        /// # Errors
        ///
        /// As [`recv`](Self::recv), and [`RecvError::TimedOut`] if the timeout elapses.
        pub fn recv_timeout<T: Message>(&self, timeout: Duration) -> Result<T, RecvError> {
            self.recv_deadline(Deadline::after(timeout))
        }

        /// Receives the oldest message of any route, to be decoded when its route is known. Blocks until there is one.
        ///
        /// # Errors
        ///
        /// As [`recv`](Self::recv), but for what can't be decoded: that shows later.
        pub fn recv_any(&self) -> Result<Envelope, RecvError> {
            self.recv_any_deadline(Deadline::NEVER)
        }

        /// Receives the oldest message of any route, to be decoded when its route is known, if there is one now.
        ///
        /// # Errors
        ///
        /// As [`recv_any`](Self::recv_any), and [`RecvError::Empty`] if there is none.
        pub fn try_recv_any(&self) -> Result<Envelope, RecvError> {
            self.recv_any_deadline(Deadline::NOW)
        }

        /// Receives the oldest message of any route, to be decoded when its route is known. Blocks for at most `timeout`.
        ///
        /// # Errors
        ///
        /// As [`recv_any`](Self::recv_any), and [`RecvError::TimedOut`] if the timeout elapses.
        pub fn recv_any_timeout(&self, timeout: Duration) -> Result<Envelope, RecvError> {
            self.recv_any_deadline(Deadline::after(timeout))
        }

        /// Receives the oldest message of the lowest route there is, up to this one. Blocks until there is one.
        ///
        /// So routes are priorities: the lower, the sooner.
        ///
        /// # Errors
        ///
        /// As [`recv_any`](Self::recv_any).
        pub fn recv_lowest(&self, up_to: Route) -> Result<Envelope, RecvError> {
            self.recv_lowest_deadline(up_to, Deadline::NEVER)
        }

        /// Receives the oldest message of the lowest route there is, up to this one, if there is one now.
        ///
        /// # Errors
        ///
        /// As [`recv_lowest`](Self::recv_lowest), and [`RecvError::Empty`] if there is none.
        pub fn try_recv_lowest(&self, up_to: Route) -> Result<Envelope, RecvError> {
            self.recv_lowest_deadline(up_to, Deadline::NOW)
        }

        /// Receives the oldest message of the lowest route there is, up to this one. Blocks for at most `timeout`.
        ///
        /// # Errors
        ///
        /// As [`recv_lowest`](Self::recv_lowest), and [`RecvError::TimedOut`] if the timeout elapses.
        pub fn recv_lowest_timeout(&self, up_to: Route, timeout: Duration) -> Result<Envelope, RecvError> {
            self.recv_lowest_deadline(up_to, Deadline::after(timeout))
        }

        /// Receives the oldest message of any route but this type's (Linux). Blocks until there is one.
        ///
        /// # Errors
        ///
        /// As [`recv_any`](Self::recv_any), and [`Unsupported`](crate::raw::Error::Unsupported) outside Linux.
        pub fn recv_except<T: Message>(&self) -> Result<Envelope, RecvError> {
            self.recv_except_deadline::<T>(Deadline::NEVER)
        }

        /// Receives the oldest message of any route but this type's (Linux), if there is one now.
        ///
        /// # Errors
        ///
        /// As [`recv_except`](Self::recv_except), and [`RecvError::Empty`] if there is none.
        pub fn try_recv_except<T: Message>(&self) -> Result<Envelope, RecvError> {
            self.recv_except_deadline::<T>(Deadline::NOW)
        }

        /// Receives the oldest message of any route but this type's (Linux). Blocks for at most `timeout`.
        ///
        /// # Errors
        ///
        /// As [`recv_except`](Self::recv_except), and [`RecvError::TimedOut`] if the timeout elapses.
        pub fn recv_except_timeout<T: Message>(&self, timeout: Duration) -> Result<Envelope, RecvError> {
            self.recv_except_deadline::<T>(Deadline::after(timeout))
        }

        /// Receives the oldest bytes on a route as they are. Blocks until there are some.
        ///
        /// # Errors
        ///
        /// As [`recv_any`](Self::recv_any).
        pub fn recv_raw(&self, route: Route) -> Result<Vec<u8>, RecvError> {
            self.recv_raw_deadline(route, Deadline::NEVER)
        }

        /// Receives the oldest bytes on a route as they are, if there are some now.
        ///
        /// # Errors
        ///
        /// As [`recv_raw`](Self::recv_raw), and [`RecvError::Empty`] if there are none.
        pub fn try_recv_raw(&self, route: Route) -> Result<Vec<u8>, RecvError> {
            self.recv_raw_deadline(route, Deadline::NOW)
        }

        /// Receives the oldest bytes on a route as they are. Blocks for at most `timeout`.
        ///
        /// # Errors
        ///
        /// As [`recv_raw`](Self::recv_raw), and [`RecvError::TimedOut`] if the timeout elapses.
        pub fn recv_raw_timeout(&self, route: Route, timeout: Duration) -> Result<Vec<u8>, RecvError> {
            self.recv_raw_deadline(route, Deadline::after(timeout))
        }

        /// Returns an iterator over the values of this type that come. It waits for each.
        ///
        /// It ends at the [end](RecvError::is_end), if there is one. It gives the error of a message that can't be decoded, and goes on.
        /// Any other error is the last that it gives.
        pub fn iter<T: Message>(&self) -> impl Iterator<Item = Result<T, RecvError>> {
            until_the_end(|| self.recv())
        }

        /// Returns an iterator over the values of this type that are there. It never waits. Errors are as those of
        /// [`iter`](Self::iter).
        pub fn try_iter<T: Message>(&self) -> impl Iterator<Item = Result<T, RecvError>> {
            while_available(|| self.try_recv())
        }
    };
}

pub(super) use {receiving_forms, sending_forms};
