//! The code of a barrier, with its neighbours under the names it looks for.

#[path = "../../../primitives/src/barrier/state.rs"]
pub(crate) mod state;
#[path = "../../../primitives/src/barrier/word.rs"]
pub(crate) mod word;
