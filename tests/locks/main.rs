//! The mutex and the pool.

mod mutex;
mod pool;
mod refused;
