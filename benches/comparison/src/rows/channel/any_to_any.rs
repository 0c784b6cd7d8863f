//! Many processes that send typed messages through one channel, and as many that receive.

use anyhow::Result;

use super::{Job, Plain, typed::InChannel};
use crate::{
    harness::{self, Comparison, is_wanted},
    lanes::SystemV,
    report::Section,
    rows::rings::any_to_any::processes,
};

pub(super) fn measure(section: &mut Section) -> Result<()> {
    let point = |each: u8| anyhow::Ok((f64::from(2 * each), of_each(each)?));
    let points = [4, 8].into_iter().map(point).collect::<Result<_>>()?;
    let title = "Any to any, typed messages of 64 bytes, by processes, half of which send";
    section.add_family("message", title, "processes", points);
    Ok(())
}

fn of_each(each: u8) -> Result<Option<Comparison>> {
    let title = format!("typed messages of 64 bytes, {each} to {each} processes");
    if !is_wanted(&title) {
        return Ok(None);
    }
    let each = usize::from(each);
    let alternatives = vec![
        processes::<InChannel<Job>>(each)?,
        processes::<InChannel<Plain>>(each)?,
        // The same 64 bytes without types: what the kernel allows.
        processes::<SystemV>(each)?.limit(),
    ];
    Ok(harness::measure(&title, alternatives))
}
