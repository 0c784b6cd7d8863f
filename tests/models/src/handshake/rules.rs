//! The clauses of the handshake.

crate::rules! {
    /// The `semop` that publishes fails unless STATE is 0.
    publish_tests_state,
    /// An opener loses patience with a set that stays unfinished.
    condemn_unfinished,
    /// An opener condemns an unfinished set before it removes anything.
    condemn_before_finish,
    /// A finisher removes a segment only if its header names the set.
    header_names_set,
    /// An opener uses a segment only if its header names the set.
    opener_reads_header,
    /// `used` is set before the process registers.
    used_before_register,
    /// The `semop` that registers fails unless STATE is 1.
    register_tests_state,
    /// A process removes the object that it inspected by its id, not the one that the key finds by then.
    remove_by_id,
    /// A creator asks whether its set still exists after it observed a segment in its way.
    creator_checks_own_set,
    /// A creator refuses when a used segment in its way is attached elsewhere.
    refuse_when_attached,
    /// Healing fails while any process is registered.
    heal_tests_alive,
    /// `remove()` changes STATE before it removes anything.
    remove_condemns,
    /// Removal by name leaves an object under construction alone.
    name_spares_unfinished,
    /// The creator's `SETVAL` leaves STATE alone.
    setval_spares_state,
    /// A creator that fails to publish removes its own segment.
    failed_creator_cleans_up,
}
