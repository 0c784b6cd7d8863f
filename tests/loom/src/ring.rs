//! The rings' code, with its neighbours under the names it looks for.

#[path = "../../../primitives/src/ring/patience.rs"]
pub(crate) mod patience;
#[path = "../../../primitives/src/ring/refusal.rs"]
pub(crate) mod refusal;

#[path = "../../../primitives/src/ring/mpmc/control.rs"]
pub(crate) mod mpmc_control;
#[path = "../../../primitives/src/ring/mpmc/ends.rs"]
pub(crate) mod mpmc_ends;
#[path = "../../../primitives/src/ring/mpmc/state.rs"]
pub(crate) mod mpmc_state;
#[path = "../../../primitives/src/ring/mpmc/word.rs"]
pub(crate) mod mpmc_word;
#[path = "../../../primitives/src/ring/spsc/state.rs"]
pub(crate) mod spsc_state;

pub(crate) mod spsc {
    pub(crate) use super::spsc_state as state;
}

pub(crate) mod broadcast {
    pub(crate) use crate::broadcast::word;
}

pub(crate) mod mpmc {
    pub(crate) use super::{mpmc_control as control, mpmc_state as state, mpmc_word as word};
}
