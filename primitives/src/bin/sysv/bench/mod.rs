//! `sysv bench`: how fast items of the user's own size go from process to process on this machine.
//!
//! Each lane carries the same items between the same number of processes, and the rounds of all lanes alternate, so that
//! what disturbs the machine disturbs all of them. A stream shows how long an item takes when many follow each other.
//! A trip shows how long one item takes there and another one back, when both processes wait for each other.
//!
//! | file | what is there |
//! | --- | --- |
//! | `lane.rs` | the lanes: what each is made of, and how it is removed |
//! | `ends.rs` | sending and receiving on each of them |
//! | `side.rs` | what the processes do |
//! | `crew.rs` | the processes of a lane, as the parent sees them |
//! | `figures.rs` | medians and percentiles |
//! | `picture.rs` | the SVG |

mod crew;
mod ends;
mod figures;
mod lane;
mod picture;
mod side;

use std::{fs, path::PathBuf};

use clap::Args;
use serde::Serialize;

pub(crate) use self::{
    crew::own_program,
    side::{Side, side},
};
use self::{
    crew::{Crew, Purpose},
    figures::Figures,
    lane::{Lane, Plan, slot_for},
};
use crate::{
    failed::{Ended, Failed, Result},
    out::{Out, Tone, grouped},
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// What to measure. By default all that can carry the items
    lanes: Vec<Lane>,
    /// Bytes of an item
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=16 << 20))]
    size: u32,
    /// Items of each round
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=1 << 40))]
    count: u64,
    /// Processes: half of them send, the others receive
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(2..=64))]
    processes: u32,
    /// Rounds, of which the median is shown
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Write a picture
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// What was measured of one lane.
#[derive(Clone, Debug, Serialize)]
struct Measured {
    lane: Lane,
    /// Bytes of an item as this lane carries it.
    item_bytes: usize,
    /// Nanoseconds for an item of a stream, one figure a round.
    stream: Figures,
    /// Nanoseconds for a trip there and back. `None` if there are more than two processes.
    trip: Option<Figures>,
    /// How many times the fastest stream.
    stream_ratio: f64,
    /// How many times the fastest trip, by the medians.
    trip_ratio: Option<f64>,
}

/// A lane that was not measured.
#[derive(Clone, Debug, Serialize)]
struct LeftOut {
    lane: Lane,
    why: String,
}

#[derive(Debug, Serialize)]
struct Report {
    item_bytes: u32,
    items: u64,
    processes: u32,
    rounds: u32,
    processors: usize,
    measured: Vec<Measured>,
    left_out: Vec<LeftOut>,
}

pub(crate) fn run(arguments: &Arguments, out: Out) -> Result<Ended> {
    let plan = Plan::new(arguments.size as usize, arguments.count, arguments.processes);
    let (lanes, left_out) = choose(&arguments.lanes, &plan)?;
    let measured = measure(&lanes, &plan, arguments.rounds)?;
    let report = Report {
        item_bytes: arguments.size,
        items: plan.count,
        processes: plan.processes(),
        rounds: arguments.rounds,
        processors: std::thread::available_parallelism().map_or(1, usize::from),
        measured,
        left_out,
    };
    if let Some(path) = &arguments.svg {
        let written = fs::write(path, picture::draw(&report));
        written.map_err(|error| Failed::refused(format_args!("writing {}: {error}", path.display())))?;
    }
    if out.json {
        out.json("bench", &report)?;
    } else {
        show(&report, out)?;
    }
    Ok(Ended::Well)
}

/// Returns the lanes that can carry the items, and why others can't. A lane that was asked for and can't is an error.
fn choose(asked: &[Lane], plan: &Plan) -> Result<(Vec<Lane>, Vec<LeftOut>)> {
    let mut lanes: Vec<Lane> = if asked.is_empty() { Lane::ALL.to_vec() } else { asked.to_vec() };
    lanes.dedup();
    let (mut able, mut left_out) = (Vec::new(), Vec::new());
    for lane in lanes {
        match lane.refusal(plan) {
            None => able.push(lane),
            Some(why) if asked.is_empty() => left_out.push(LeftOut { lane, why }),
            Some(why) => return Err(Failed::Usage(format!("{}: {why}", lane.name()))),
        }
    }
    Ok((able, left_out))
}

fn measure(lanes: &[Lane], plan: &Plan, rounds: u32) -> Result<Vec<Measured>> {
    let start = |purpose| lanes.iter().map(|&lane| Crew::start(lane, plan, purpose)).collect::<Result<Vec<_>>>();
    let mut streams = start(Purpose::Stream)?;
    for _ in 0..rounds {
        streams.iter_mut().try_for_each(Crew::round)?;
    }
    let streams: Vec<Figures> = streams.into_iter().map(Crew::finish).collect();
    let mut trips = Vec::new();
    if plan.processes() == 2 {
        let mut crews = start(Purpose::Trips)?;
        for _ in 0..rounds {
            crews.iter_mut().try_for_each(Crew::round)?;
        }
        trips = crews.into_iter().map(Crew::finish).collect();
    }
    let least = |figures: &[Figures]| figures.iter().map(|figures| figures.median).fold(f64::INFINITY, f64::min);
    let (least_stream, least_trip) = (least(&streams), least(&trips));
    let measured = lanes.iter().zip(streams).enumerate().map(|(index, (&lane, stream))| {
        let trip = trips.get(index).cloned();
        Measured {
            lane,
            item_bytes: lane.item_bytes(plan.size),
            stream_ratio: stream.median / least_stream,
            trip_ratio: trip.as_ref().map(|trip| trip.median / least_trip),
            stream,
            trip,
        }
    });
    Ok(measured.collect())
}

fn show(report: &Report, out: Out) -> Result<()> {
    out.line(format_args!(
        "{} items of {} bytes, {} processes on {} processors, median of {} rounds. Times in nanoseconds.",
        grouped(report.items),
        report.item_bytes,
        report.processes,
        report.processors,
        report.rounds
    ))?;
    let mut table =
        out.table(&["LANE", ">ITEM", ">RATIO", ">WORST ROUND", ">TRIP MEDIAN", ">RATIO", ">P99", ">LONGEST"]);
    for row in &report.measured {
        let number = |number: f64| grouped_float(number);
        let of_trip = |pick: fn(&Figures) -> f64| row.trip.as_ref().map_or("-".to_owned(), |trip| number(pick(trip)));
        let tone = |ratio: Option<f64>| if ratio == Some(1.0) { Tone::Good } else { Tone::Plain };
        let ratio = |ratio: Option<f64>| ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.1}"));
        table.add_row([
            out.cell(Tone::Plain, row.lane.name()),
            out.cell(Tone::Plain, number(row.stream.median)),
            out.cell(tone(Some(row.stream_ratio)), ratio(Some(row.stream_ratio))),
            out.cell(Tone::Plain, number(row.stream.longest)),
            out.cell(Tone::Plain, of_trip(|trip| trip.median)),
            out.cell(tone(row.trip_ratio), ratio(row.trip_ratio)),
            out.cell(Tone::Plain, of_trip(|trip| trip.p99)),
            out.cell(Tone::Plain, of_trip(|trip| trip.longest)),
        ]);
    }
    out.show(&table)?;
    for left_out in &report.left_out {
        out.line(format_args!("{} was left out: {}", left_out.lane.name(), left_out.why))?;
    }
    match slot_for(report.item_bytes as usize) {
        Some(slot) if slot != report.item_bytes as usize => {
            out.line(format_args!(
                "The slots of the rings have {slot} bytes here: the next size that this tool was built with."
            ))?;
        }
        _ => {}
    }
    Ok(())
}

/// With one decimal below ten.
fn grouped_float(number: f64) -> String {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "times are neither negative nor huge")]
    let whole = number.round() as u64;
    if number < 10.0 { format!("{number:.1}") } else { grouped(whole) }
}
