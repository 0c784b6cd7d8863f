//! The mutex and the pool.

mod large_values;
mod mutex;
mod pool;
