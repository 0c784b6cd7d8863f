//! What a report says of a channel.

use super::shared::KIND;
use crate::{
    Role,
    attendance::Attachment,
    lock::LockSeen,
    report::{Cut, Hold, Inspected, Interest, Kind, Source},
    store::{Cell, CellState, CellWord, Class, Control, Geometry, Plan, ROOM_NUMBERS, RoomNumbers, Store, WIDE},
    sync::{AtomicU64, Ordering::Relaxed},
    waiting::room::Room,
};

pub(crate) static INSPECTED: Inspected =
    Inspected { header: (KIND.number, KIND.name), bells: KIND.bells, kind: Kind::Channel, read };

fn read(source: &mut Source<'_>) -> Result<(), Cut> {
    let Some(geometry) = Geometry::unpacked(source.capacity(), source.max_handles()) else {
        source.damage("geometry", || "no channel can have the sizes that the header says".to_owned());
        return Ok(());
    };
    let plan = Plan::new(&geometry);
    source.option("capacity", geometry.messages.into());
    source.option("max_message_size", geometry.max_message_size as u64);
    source.option("max_routes", geometry.max_routes.into());
    source.option("attempts", geometry.attempts.into());
    let control: Control = source.copy(plan.control)?;
    source.flag("closed", control.seldom.is_closed());
    source.counter("dropped", control.dropped.0.load(Relaxed));
    let lock = LockSeen::of(control.block_lock.0.load(Relaxed));
    source.lock(lock.owner, lock.is_offered, Hold::BlockLock);
    read_rooms(source, &geometry, &plan, &control)?;
    read_ends(source, &geometry, &plan)?;
    read_cells(source, &geometry, &plan, &control)
}

fn read_rooms(source: &mut Source<'_>, geometry: &Geometry, plan: &Plan, control: &Control) -> Result<(), Cut> {
    let room = |number: u16| plan.rooms + usize::from(number) * Room::bytes(geometry.max_handles);
    let RoomNumbers { receive, space, response, block_lock } = ROOM_NUMBERS;
    // The interest of a receiver has a bit for each lane that may have a message for it.
    let messages = |interest: u64| {
        let lanes = (0..geometry.max_routes as usize).filter(|lane| interest & 1 << lane != 0);
        let routes = lanes.map(|lane| control.route_of(lane)).filter(|&route| route != 0);
        let is_exact = interest & WIDE == 0;
        Interest::Messages { routes: if is_exact { routes.collect() } else { Vec::new() } }
    };
    let received = Room::report(room(receive), source, messages)?;
    let sent = Room::report(room(space), source, |_| Interest::Room)?;
    let called = Room::report(room(response), source, |_| Interest::Response)?;
    Room::report(room(block_lock), source, |_| Interest::BlockLock)?;
    source.counter("receivers_slept", received.traffic().0);
    source.counter("senders_slept", sent.traffic().0);
    source.counter("callers_slept", called.traffic().0);
    Ok(())
}

/// Says which members are senders and receivers, and which have received requests.
fn read_ends(source: &mut Source<'_>, geometry: &Geometry, plan: &Plan) -> Result<(), Cut> {
    let handles = geometry.max_handles as usize;
    let owner_of = |slot: usize| u32::try_from(slot + 1).unwrap_or(0);
    source.each(plan.attachments, geometry.lanes() * handles, |source, number, attachment: &Attachment| {
        for (role, what) in [(Role::Producer, Hold::Producer), (Role::Consumer, Hold::Consumer)] {
            match attachment.count(role) {
                0 => {}
                count => source.hold(owner_of(number % handles), what, count.into()),
            }
        }
    })?;
    source.each(plan.serves, handles, |source, slot, serves: &AtomicU64| match serves.load(Relaxed).count_ones() {
        0 => {}
        lanes => source.hold(owner_of(slot), Hold::Service, lanes.into()),
    })
}

fn read_cells(source: &mut Source<'_>, geometry: &Geometry, plan: &Plan, control: &Control) -> Result<(), Cut> {
    let (mut aside, mut delayed, mut taken) = (0, 0, [0_u64; 3]);
    let group = geometry.cells().div_ceil(64).next_power_of_two();
    let ends = Class::ALL.map(|class| geometry.cells_of(class).end);
    let mut see = |source: &mut Source<'_>, number: usize, cell: &Cell| {
        let word = cell.word();
        let class = ends.iter().position(|&end| number < end).unwrap_or(0);
        match word.state() {
            CellState::Free | CellState::Spare => return,
            CellState::Aside => {
                aside += 1;
                return;
            }
            CellState::Delayed => delayed += 1,
            CellState::Unknown => {
                source.damage("cell", || format!("cell {number} has no state that there is"));
                return;
            }
            _ => {}
        }
        taken[class] += 1;
        read_cell(source, word, cell);
    };
    // Cells of groups that were never used are left alone: most of a large channel may have no memory yet.
    for number in (0..64).filter(|&group| control.seldom.is_touched(group)) {
        let first = number as usize * group;
        let count = geometry.cells().saturating_sub(first).min(group);
        let at = plan.cells + first * size_of::<Cell>();
        source.each(at, count, |source, index, cell: &Cell| see(source, first + index, cell))?;
    }
    source.set_aside(aside);
    source.counter("delayed", delayed);
    source.counter("calls", taken[Class::Call as usize]);
    source.fill(taken[Class::Message as usize], geometry.capacity_of(Class::Message) as u64);
    Ok(())
}

/// Says what a cell is, that has a message.
fn read_cell(source: &mut Source<'_>, word: CellWord, cell: &Cell) {
    let route = cell.route.load(Relaxed);
    if word.caller() != 0 {
        source.hold(word.caller(), Hold::Call, 1);
    }
    match word.state() {
        CellState::Ready => {
            let age = source.age(cell.sent_at.load(Relaxed));
            source.message(route.into(), cell.len.load(Relaxed).into(), Some(age));
        }
        CellState::Filling => source.hold(word.owner(), Hold::Writing, 1),
        CellState::Held | CellState::Claimed => {
            let is_claim = word.state() == CellState::Claimed;
            let since = Store::claimed_since(word, cell.claimed_at.load(Relaxed));
            let age = since.filter(|_| is_claim).map(|since| source.age(since));
            source.job(word.owner(), word.caller(), route, age, u32::from(word.attempts()) + 1, is_claim);
        }
        _ => {}
    }
}
