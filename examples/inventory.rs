//! Lists every System V object of this IPC namespace, and what is used of the kernel's limits.
//!
//! ```text
//! cargo run --example inventory [-- --limits]
//! ```

use anyhow::Result;
use clap::Parser;
use sysv_ipc::{Key, Permissions, inventory, limits};

/// Lists every System V object of this IPC namespace.
#[derive(Parser)]
struct Arguments {
    /// Also shows what is used of the kernel's limits.
    #[arg(long)]
    limits: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let all = inventory()?;
    for entry in all.semaphores {
        let stat = entry.stat;
        row("semaphores", entry.id, entry.key, &stat.permissions, &format!("{} members", stat.len));
    }
    for entry in all.shared_memory {
        let stat = entry.stat;
        let removed = if stat.marked_removed { ", removed" } else { "" };
        let detail = format!("{} bytes, attached {} times{removed}", stat.size, stat.attached);
        row("memory", entry.id, entry.key, &stat.permissions, &detail);
    }
    for entry in all.message_queues {
        let stat = entry.stat;
        let detail = format!("{} messages, {} bytes at most", stat.messages, stat.max_size);
        row("queue", entry.id, entry.key, &stat.permissions, &detail);
    }
    if arguments.limits {
        println!("{:#?}", limits()?);
    }
    Ok(())
}

fn row(kind: &str, id: i32, key: Key, permissions: &Permissions, detail: &str) {
    println!("{kind:<10} {id:>10}  {key}  uid {} mode {}  {detail}", permissions.uid, permissions.mode);
}
