//! The clauses of the handshake.

/// Each boolean is one clause of the protocol.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The `semop` that publishes fails unless STATE is 0.
    pub publish_tests_state: bool,
    /// An opener loses patience with a set that stays unfinished.
    pub condemn_unfinished: bool,
    /// An opener condemns an unfinished set before it removes anything.
    pub condemn_before_finish: bool,
    /// A finisher removes only a segment whose header names the set.
    pub header_names_set: bool,
    /// An opener uses only a segment whose header names the set.
    pub opener_reads_header: bool,
    /// `used` is set before the process registers.
    pub used_before_register: bool,
    /// The `semop` that registers fails unless STATE is 1.
    pub register_tests_state: bool,
    /// What is removed is what was looked at, not what the key finds by then.
    pub remove_by_id: bool,
    /// A creator asks whether its set still exists after it observed a segment in its way.
    pub creator_checks_own_set: bool,
    /// A creator refuses when a used segment in its way is attached elsewhere.
    pub refuse_when_attached: bool,
    /// Healing fails while anybody is registered.
    pub heal_tests_alive: bool,
    /// `remove()` changes STATE before it removes anything.
    pub remove_condemns: bool,
    /// Who removes by name leaves alone what is under construction.
    pub name_spares_unfinished: bool,
    /// The creator's `SETVAL` leaves STATE alone.
    pub setval_spares_state: bool,
    /// A creator that fails to publish removes its own segment.
    pub failed_creator_cleans_up: bool,
}

impl Rules {
    /// The complete protocol.
    pub const ALL: Self = Self {
        publish_tests_state: true,
        condemn_unfinished: true,
        condemn_before_finish: true,
        header_names_set: true,
        opener_reads_header: true,
        used_before_register: true,
        register_tests_state: true,
        remove_by_id: true,
        creator_checks_own_set: true,
        refuse_when_attached: true,
        heal_tests_alive: true,
        remove_condemns: true,
        name_spares_unfinished: true,
        setval_spares_state: true,
        failed_creator_cleans_up: true,
    };
}

impl Default for Rules {
    fn default() -> Self {
        Self::ALL
    }
}
