//! The mutex and the pool.

mod before_repair;
mod large_values;
mod mutex;
mod pool;
