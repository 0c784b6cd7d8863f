//! What an operator may know of the channels on a server, without opening them.
//!
//! A server knows a process by its claims and its calls alone. So each handle that has some is a member here. A member counts as
//! dead if all of its leases have ended. The numbers of the slots are those of the report.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use redis::Value;

use super::{
    address::{Address, KEYS},
    checks::{self, Info},
    connect::{VERSION, client, failure, info, session},
    line::{Line, Trouble},
    reply::Reply,
    script::Script,
};
use crate::{
    ObjectName, OpenError,
    fingerprint::printable,
    raw::Deadline,
    report::{Fill, Finding, Findings, Hold, Holder, Job, Kind, Member, Report, Route, Severity, State, Value as Set},
};

/// A look is not worth a wait: a server that is away, or that is loading, says so.
const PATIENCE: Deadline = Deadline::NOW;

/// How many claims, and how many calls, of a channel are described at most. All are counted.
const MOST: usize = 1000;

/// Returns a report of the channel at an address, or of all channels of a server if it names none.
///
/// It looks also at a server that is not fit for channels, and says what is wrong with it. Only one that is too old to be looked at
/// is refused.
pub(crate) fn inspect(text: &str) -> Result<Vec<Report>, OpenError> {
    let address = Address::parse_any(text).map_err(|why| OpenError::BadAddress { why })?;
    let kind = if address.name.is_empty() { "server" } else { "channel" };
    let object = ObjectName::new(kind, &address.to_string());
    let mut line = Line::new(&Arc::new(client(&address, &object)?), &session());
    let failed = |trouble| OpenError::Failed(failure(&object, trouble));
    let info = info(&mut line, PATIENCE).map_err(failed)?;
    let info = Info::new(&info);
    if let Some(why) = checks::too_old(&info) {
        return Err(OpenError::BadServer { object, why });
    }
    let fault = checks::fault(&info, address.is_volatile);
    let found = if address.name.is_empty() { list(&mut line, &address).map_err(failed)? } else { vec![address] };
    let mut reports = Vec::new();
    for address in found {
        // One that was removed meanwhile is left out.
        let Some(mut report) = look(&mut line, &address).map_err(failed)? else { continue };
        let finding = |text| Finding { severity: Severity::Warning, code: "server", text };
        report.findings.extend(fault.clone().map(finding));
        reports.push(report);
    }
    Ok(reports)
}

/// Returns the channels of a server, by their names. It asks for some keys at a time, so other clients are not held up.
fn list(line: &mut Line, server: &Address) -> Result<Vec<Address>, Trouble> {
    let (mut cursor, mut found) = (b"0".to_vec(), BTreeMap::new());
    loop {
        let words: [&[u8]; 6] = [b"SCAN", &cursor, b"MATCH", KEYS.as_bytes(), b"COUNT", b"1000"];
        let mut answer = Reply::of(line.command(&words, PATIENCE)?);
        cursor = answer.bytes();
        let mut keys = Reply::new(answer.list());
        while !keys.is_empty() {
            // A key may be listed twice.
            found.extend(server.of_key(&keys.text()).map(|channel| (channel.name.clone(), channel)));
        }
        if matches!(&*cursor, b"" | b"0") {
            return Ok(found.into_values().collect());
        }
    }
}

fn look(line: &mut Line, address: &Address) -> Result<Option<Report>, Trouble> {
    let most = MOST.to_string();
    let answer = line.run(Script::Inspect, &address.key(), &[most.as_bytes()], PATIENCE)?;
    let mut answer = Reply::new(answer);
    Ok((answer.text() == "ok").then(|| report(address, answer)))
}

/// The fields of a channel's state.
struct Fields(HashMap<String, String>);

impl Fields {
    fn new(parts: Vec<Value>) -> Self {
        let (mut parts, mut fields) = (Reply::new(parts), HashMap::new());
        while !parts.is_empty() {
            fields.insert(parts.text(), parts.text());
        }
        Self(fields)
    }

    /// Returns a number. One that is missing is 0.
    fn number(&self, name: &str) -> u64 {
        self.0.get(name).and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

fn report(address: &Address, mut answer: Reply) -> Report {
    let mut report = Report::new(Kind::Channel, State::Idle, 0);
    report.name = Some(printable(address.to_string().as_bytes()));
    let fields = Fields::new(answer.list());
    report.version = u32::try_from(fields.number("v")).ok();
    if report.version.map(|version| version.to_string()).as_deref() != Some(VERSION) {
        report.state = State::OtherVersion;
        report.why = Some(format!("version {} of the keys, this program knows {VERSION}", fields.number("v")));
        return report;
    }
    let names = [("capacity", "messages"), ("max_message_size", "maxmsg"), ("max_routes", "routes")];
    for (name, field) in names.into_iter().chain([("attempts", "attempts"), ("lease_ms", "lease")]) {
        report.option(name, fields.number(field));
    }
    report.options.insert("closed", Set::Flag(fields.has("closed")));
    report.created = match fields.number("made") {
        0 => None,
        made => UNIX_EPOCH.checked_add(Duration::from_millis(made)),
    };
    report.fill = Some(Fill { used: fields.number("n0"), capacity: fields.number("cap0") });
    let now: u64 = answer.number();
    report.set_aside = Some(answer.number());
    let (delayed, claims, calls): (u64, u64, u64) = (answer.number(), answer.number(), answer.number());
    report.counters.extend([
        ("bytes", fields.number("by")),
        ("calls", fields.number("n1")),
        ("claims", claims.saturating_sub(fields.number("nh"))),
        ("delayed", delayed),
        ("dropped", fields.number("dropped")),
    ]);
    report.routes = answer.list().into_iter().map(route).collect();
    let mut crew = Crew::default();
    answer.list().into_iter().for_each(|claim| crew.claim(claim, now));
    answer.list().into_iter().for_each(|call| crew.call(call));
    crew.finish(&mut report, claims.max(calls));
    report
}

fn route(parts: Value) -> Route {
    let mut parts = Reply::of(parts);
    let (route, messages, bytes) = (parts.number(), parts.number(), parts.number());
    Route { route, messages, bytes, oldest: Some(Duration::from_millis(parts.number())) }
}

/// A handle that has claims or calls.
#[derive(Default)]
struct Hand {
    slot: u32,
    host: String,
    pid: u32,
    /// Whether one of its leases has not ended.
    is_alive: bool,
    claims: u64,
    calls: u64,
}

/// The handles that have claims or calls, by their sessions.
#[derive(Default)]
struct Crew {
    hands: BTreeMap<String, Hand>,
    /// Each with the session.
    jobs: Vec<(String, Job)>,
}

impl Crew {
    fn hand(&mut self, session: &str) -> &mut Hand {
        let slot = u32::try_from(self.hands.len()).unwrap_or(u32::MAX);
        let new = || Hand { slot, pid: pid_of(session), ..Hand::default() };
        self.hands.entry(session.to_owned()).or_insert_with(new)
    }

    /// Adds a claim, or a request that is held.
    fn claim(&mut self, parts: Value, now: u64) {
        let mut parts = Reply::of(parts);
        let (left, owner): (i64, String) = (parts.number(), parts.text());
        let (route, attempts): (u32, u32) = (parts.number(), parts.number());
        let (is_held, caller, since): (bool, String, u64) = (parts.text() == "1", parts.text(), parts.number());
        let mut owner = owner.splitn(3, ':');
        let (host, pid) = (owner.next().unwrap_or_default(), owner.next().and_then(|pid| pid.parse().ok()));
        let session = owner.next().unwrap_or_default();
        let hand = self.hand(session);
        hand.is_alive |= left > 0;
        hand.claims += 1;
        host.clone_into(&mut hand.host);
        hand.pid = pid.unwrap_or(hand.pid);
        let job = Job {
            slot: hand.slot,
            pid: hand.pid,
            is_alive: left > 0,
            route,
            // A message that was claimed by an earlier version does not say it.
            age: (since > 0).then(|| Duration::from_millis(now.saturating_sub(since))),
            attempt: attempts.saturating_add(1),
            is_claim: !is_held,
            caller_pid: (!caller.is_empty()).then(|| pid_of(&caller)),
        };
        self.jobs.push((session.to_owned(), job));
    }

    fn call(&mut self, parts: Value) {
        let mut parts = Reply::of(parts);
        let (left, session): (i64, String) = (parts.number(), parts.text());
        let hand = self.hand(&session);
        hand.is_alive |= left > 0;
        hand.calls += 1;
    }

    /// Completes a report with them. `number` is how many claims or calls there are.
    fn finish(self, report: &mut Report, number: u64) {
        let mut findings = Findings::default();
        if number > MOST as u64 {
            findings.add(Severity::Note, "more", || format!("of {number} claims or calls, {MOST} are shown"));
        }
        let lapsed = self.jobs.iter().filter(|(_, job)| !job.is_alive).count();
        if lapsed > 0 {
            let text =
                || format!("{lapsed} leases have ended. The next operation of any process gives the messages back");
            findings.add(Severity::Note, "lapsed", text);
        }
        findings.move_to(&mut report.findings);
        let sessions: BTreeSet<u32> = self.hands.values().filter(|hand| hand.is_alive).map(|hand| hand.slot).collect();
        if sessions.is_empty() {
            report.why =
                Some("no claim and no call is alive. A server does not know of processes that only wait".to_owned());
        } else {
            report.state = State::Live;
        }
        let mut hands: Vec<Hand> = self.hands.into_values().collect();
        hands.sort_by_key(|hand| hand.slot);
        for Hand { slot, host, pid, is_alive, claims, calls } in hands {
            // Only a claim says on which machine it is.
            let host = (!host.is_empty()).then_some(host);
            let member = Member { slot, pid, start_time: 0, age: None, is_alive, helpers: 0, host };
            if is_alive {
                report.members.push(member)
            } else {
                report.dead.push(member)
            }
            for (what, count) in [(Hold::Claim, claims), (Hold::Call, calls)] {
                if count > 0 {
                    report.holders.push(Holder { slot, pid, is_alive, what, count });
                }
            }
        }
        report.jobs = self.jobs.into_iter().map(|(_, job)| job).collect();
    }
}

/// Returns the process that made a session, as `session` writes it.
fn pid_of(session: &str) -> u32 {
    session.split('-').nth(1).and_then(|pid| u32::from_str_radix(pid, 16).ok()).unwrap_or(0)
}
