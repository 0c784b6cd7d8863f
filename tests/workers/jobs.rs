//! The jobs of these tests, and pools of a test's own.

use std::{ops::Deref, process, thread, time::Duration};

use nix::{
    sys::signal::{Signal, raise},
    unistd::getpid,
};
use serde::{Deserialize, Serialize};
use support::{Name, name};
use sysv_primitives::{
    Request, Router, WorkerPool, messages,
    workers::{self, Stream, WorkerPoolOptions},
};

messages! { 1 => Urgent; 2 => Square; 3 => Act }

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Square(pub(crate) u64);
impl Request for Square {
    type Response = u64;
}

/// Travels before the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Urgent(pub(crate) u64);
impl Request for Urgent {
    type Response = Done;
}

/// What a job does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Act {
    Nothing,
    Fail(String),
    Panic(String),
    /// Panics up to this attempt.
    PanicUpTo(u32),
    Exit(i32),
    Abort,
    /// Kills its process up to this attempt.
    KillUpTo(u32),
    Sleep(Duration),
    Allocate(usize),
    /// Writes so many lines to standard error, some time later.
    PrintAfter(Duration, u32),
    /// Returns what its process was given.
    Surroundings,
    /// Runs this program with these arguments, and returns whether it succeeds.
    RunThis(String),
    /// Returns so many bytes.
    Bytes(usize),
}
impl Request for Act {
    type Response = Result<Done, String>;
}

/// Which process did a job, and in which attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) pid: u32,
    pub(crate) attempt: u32,
    /// Which of its process's jobs it was.
    pub(crate) count: u64,
    pub(crate) text: String,
}

pub(crate) fn router() -> Router<'static> {
    let count = std::rc::Rc::new(std::cell::Cell::new(0));
    let done = move |text: &str| {
        count.set(count.get() + 1);
        Done { pid: process::id(), attempt: workers::attempt(), count: count.get(), text: text.to_owned() }
    };
    let urgent = done.clone();
    let mut jobs = Router::new();
    jobs.respond(|Square(number)| number * number).unwrap();
    jobs.respond(move |Urgent(_)| urgent("")).unwrap();
    jobs.respond(move |act: Act| run(act).map(|text| done(&text))).unwrap();
    jobs
}

fn run(act: Act) -> Result<String, String> {
    match act {
        Act::Nothing => {}
        Act::Fail(why) => return Err(why),
        Act::Panic(why) => panic!("{why}"),
        Act::PanicUpTo(attempt) => assert!(workers::attempt() > attempt, "not yet"),
        Act::Exit(code) => process::exit(code),
        Act::Abort => process::abort(),
        Act::KillUpTo(attempt) if workers::attempt() <= attempt => raise(Signal::SIGKILL).unwrap(),
        Act::KillUpTo(_) => {}
        Act::Sleep(time) => thread::sleep(time),
        Act::Allocate(bytes) => drop(std::hint::black_box(vec![1_u8; bytes])),
        Act::PrintAfter(time, lines) => {
            thread::sleep(time);
            (0..lines).for_each(|line| eprintln!("line {line} {}", "x".repeat(100)));
        }
        Act::Surroundings => return Ok(surroundings()),
        Act::RunThis(arguments) => {
            let mut program = process::Command::new(std::env::current_exe().unwrap());
            let status = program.args(arguments.split(' ')).env("INNER", "1").stdout(process::Stdio::null()).status();
            return Ok(status.unwrap().success().to_string());
        }
        Act::Bytes(len) => return Ok("x".repeat(len)),
    }
    Ok(String::new())
}

fn surroundings() -> String {
    let variable = std::env::var("OF_THE_POOL").unwrap_or_default();
    let directory = std::env::current_dir().unwrap();
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_ascii_whitespace().collect();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let cpus = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap().trim().to_owned();
    let group_is_own = fields[2] == getpid().to_string();
    format!("{variable} {} nice {} cpus {cpus} own group {group_is_own}", directory.display(), fields[16])
}

/// The pool of a test. Its channel is removed afterwards.
pub(crate) struct TestPool {
    pool: WorkerPool,
    _name: Name,
}

impl Deref for TestPool {
    type Target = WorkerPool;

    fn deref(&self) -> &WorkerPool {
        &self.pool
    }
}

/// Says how a pool runs this test again: its options do nothing in a worker.
pub(crate) fn options<T: Fn()>(_test: T) -> WorkerPoolOptions {
    let path = std::any::type_name::<T>();
    let (_, name) = path.split_once("::").expect("a test is in a module of the program");
    WorkerPool::options().rerun_test(name).workers(2).stderr(Stream::Null)
}

/// In a worker, does jobs and ends. It is the first that a test does.
pub(crate) fn serve_if_worker() {
    if let Some(name) = WorkerPool::name_in_worker() {
        drop(WorkerPool::options().start(name, router()));
        unreachable!("a worker of this pool serves");
    }
}

/// Starts the pool of a test. In a worker it does jobs.
pub(crate) fn start(options: WorkerPoolOptions) -> TestPool {
    serve_if_worker();
    let name = name();
    TestPool { pool: options.start(&name, router()).unwrap(), _name: name }
}

pub(crate) fn act(pool: &WorkerPool, act: Act) -> Result<Done, String> {
    let mut job = pool.submit(&act).unwrap();
    job.wait_timeout(support::LONG).unwrap()
}
