//! What holds for every kind of named object: creation, removal, death, hostile memory.

#[cfg(target_os = "linux")]
mod cloned;
mod every_kind;
mod hostile;
mod interrupted;
mod killed_while;
#[cfg(target_os = "linux")]
mod obituaries;
mod objects;
mod unlink;
