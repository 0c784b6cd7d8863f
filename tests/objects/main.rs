//! What holds for every kind of named object: creation, removal, death, hostile memory.

mod every_kind;
mod hostile;
mod killed_while;
mod objects;
mod unlink;
