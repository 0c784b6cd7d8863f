//! Together with Python's `sysv_ipc`, in both directions.
//!
//! The interpreter is the one of the virtual environment that `.ci/python` makes under `target/`.
//! Without it these tests say that they were skipped, except in CI, where they must run.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use support::{KeyGuard, LONG, SHORT, assert_fails, free_key, own, skip, until};
use sysv_ipc::{
    Amount, Key, MessageBuffer, MessageQueue, MessageQueueOptions, MessageType, Selector, SemaphoreOptions,
    SharedMemoryOptions,
};
use sysv_primitives::{Route, TypedQueue};

fn python() -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/venv/bin/python");
    if python.exists() {
        return Some(python);
    }
    skip(&format!("no {}; call .ci/python to make it", python.display()));
    None
}

/// A Python script that is asked to go on, and answers, line by line.
struct Script {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Script {
    /// Starts a script, in which `key` is the argument and `step` tells a line and waits for leave.
    fn start(text: &str, key: Key) -> Option<Self> {
        const PRELUDE: &str = "import sys\nfrom sysv_ipc import *\nkey = int(sys.argv[1])\n\
             def step(*words):\n    print(*words, flush=True)\n    assert sys.stdin.readline()\n";
        let mut child = Command::new(python()?)
            .args(["-c", &format!("{PRELUDE}{text}"), &key.get().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let (input, output) = (child.stdin.take(), child.stdout.take().expect("it is a pipe"));
        Some(Self { child, input, output: BufReader::new(output) })
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the pipe can be read");
        line.trim_end().to_owned()
    }

    fn go_on(&mut self) {
        writeln!(self.input.as_mut().expect("it is open"), "go on").expect("the script waits");
    }

    fn end(mut self) -> String {
        drop(self.input.take());
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).expect("the pipe can be read");
        assert!(self.child.wait().expect("it is our child").success(), "the script failed: {rest}");
        rest
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A semaphore of ours is used by Python, with its value, its undo and its attributes.
#[test]
fn our_semaphore_in_python() {
    let semaphore = own(SemaphoreOptions::new().initial_value(3).mode(0o640).open_random().unwrap());
    let script = "
semaphore = Semaphore(key)
semaphore.undo = True
semaphore.acquire(delta=2)
step(semaphore.id, semaphore.value, oct(semaphore.mode), semaphore.uid)
semaphore.undo = False
semaphore.acquire()
";
    let Some(mut script) = Script::start(script, semaphore.key().unwrap()) else { return };
    let uid = semaphore.permissions().unwrap().uid;
    assert_eq!(script.line(), format!("{} 1 0o640 {uid}", semaphore.id()));
    assert_eq!(semaphore.last_pid().unwrap(), Some(script.child.id()));
    semaphore.acquire().unwrap();
    script.go_on();
    until(|| semaphore.waiting_for_nonzero().unwrap() == 1);
    semaphore.release().unwrap();
    script.end();
    assert_eq!(semaphore.value().unwrap(), 2, "what it acquired with undo came back");
}

/// A semaphore of Python's is used by us.
#[test]
fn pythons_semaphore_here() {
    let script = "
semaphore = Semaphore(key, IPC_CREX, initial_value=1)
step(semaphore.id)
semaphore.Z(20)
step(semaphore.last_pid, semaphore.o_time)
semaphore.release(delta=5)
step(semaphore.value)
semaphore.remove()
";
    let key = free_key();
    let _cleanup = KeyGuard::new(key);
    let Some(mut script) = Script::start(script, key) else { return };
    let id = script.line();
    let semaphore = SemaphoreOptions::new().open(key).unwrap();
    assert_eq!(id, semaphore.id().to_string());
    assert_eq!(semaphore.value().unwrap(), 1);
    script.go_on();
    until(|| semaphore.waiting_for_zero().unwrap() == 1);
    semaphore.acquire().unwrap();
    let pid = script.child.id();
    assert!(script.line().starts_with(&format!("{pid} ")), "the wait for zero was the last operation");
    script.go_on();
    assert_eq!(script.line(), "5");
    semaphore.acquire_many(Amount::new(5).unwrap()).unwrap();
    script.go_on();
    script.end();
    assert!(semaphore.value().unwrap_err().is_gone());
}

/// Memory is seen by both, and filled and sized as each says.
#[test]
fn memory_both_ways() {
    let memory = own(SharedMemoryOptions::new().size(3333).init_character(b'r').open_random().unwrap());
    let script = "
memory = SharedMemory(key)
step(memory.size, memory.number_attached, memory.read(5).decode(), memory.read(1, offset=3332).decode())
memory.write(b'python\\0', offset=100)
step('written')
memory.detach()
memory.remove()
other = SharedMemory(key, IPC_CREX, size=50, init_character=b'p')
step(other.id)
step(other.read(9, offset=41).decode())
other.remove()
";
    // The second segment of this key is Python's.
    let _cleanup = KeyGuard::new(memory.key().unwrap());
    let Some(mut script) = Script::start(script, memory.key().unwrap()) else { return };
    assert_eq!(script.line(), "3333 2 rrrrr r");
    script.go_on();
    assert_eq!(script.line(), "written");
    assert_eq!(memory.read(8, 99).unwrap(), b"rpython\0");
    script.go_on();
    let id = script.line();
    let attached = SharedMemoryOptions::new().open(memory.key().unwrap()).unwrap();
    assert_eq!(id, attached.id().to_string());
    assert_eq!(attached.read(0, 0).unwrap(), [b'p'; 50]);
    attached.write(b"from rust", 41).unwrap();
    script.go_on();
    assert_eq!(script.line(), "from rust");
    script.go_on();
    script.end();
    assert!(attached.stat().unwrap().marked_removed);
}

/// Messages of any type and bytes cross in both directions.
#[test]
fn messages_both_ways() {
    let queue = own(MessageQueueOptions::new().open_random().unwrap());
    let script = "
queue = MessageQueue(key)
queue.send(b'a\\0b', type=7)
queue.send(b'', type=2**31 - 1)
step(queue.current_messages)
message, kind = queue.receive(type=-9)
step(message.hex(), kind, queue.current_messages, queue.last_send_pid)
";
    let Some(mut script) = Script::start(script, queue.key().unwrap()) else { return };
    assert_eq!(script.line(), "2");
    let received = queue.receive(Selector::Type(MessageType::new(7).unwrap())).unwrap();
    assert_eq!(received.bytes(), b"a\0b");
    let received = queue.receive(Selector::Any).unwrap();
    assert_eq!((received.message_type().get(), received.bytes()), ((1 << 31) - 1, &b""[..]));
    queue.send(&MessageBuffer::new(MessageType::new(9).unwrap(), &[0xff, 0])).unwrap();
    queue.send(&MessageBuffer::new(MessageType::new(8).unwrap(), &[0xfe])).unwrap();
    script.go_on();
    assert_eq!(script.line(), format!("fe 8 1 {}", std::process::id()));
    assert_eq!(queue.stat().unwrap().last_receive_pid, Some(script.child.id()));
    script.go_on();
    script.end();
}

/// Python on the raw routes of a typed queue, in both directions.
#[test]
fn a_typed_queues_raw_routes_both_ways() {
    let queue = own(MessageQueueOptions::new().open_random().unwrap());
    let channel = TypedQueue::new(MessageQueue::clone(&queue)).unwrap();
    let script = "
queue = MessageQueue(key)
message, route = queue.receive(type=5)
assert message == b'from Rust', message
queue.send(message + b' and back', type=6)
step(route, queue.current_messages)
for number in range(3):
    queue.send(bytes([number]) * 100, type=7)
";
    channel.send_raw(Route::new(5), b"from Rust").unwrap();
    let Some(mut script) = Script::start(script, queue.key().unwrap()) else { return };
    assert_eq!(script.line(), "5 1");
    assert_eq!(channel.recv_raw_timeout(Route::new(6), LONG).unwrap(), b"from Rust and back");
    script.go_on();
    for number in 0..3 {
        assert_eq!(channel.recv_raw_timeout(Route::new(7), LONG).unwrap(), [number; 100]);
    }
    script.end();
}

/// A Python receiver that waits is woken by our removal.
#[test]
fn our_removal_wakes_python() {
    let queue = own(MessageQueueOptions::new().open_random().unwrap());
    let script = "
queue = MessageQueue(key)
print('waiting', flush=True)
try:
    queue.receive()
except ExistentialError:
    print('removed')
";
    let Some(mut script) = Script::start(script, queue.key().unwrap()) else { return };
    assert_eq!(script.line(), "waiting");
    std::thread::sleep(SHORT);
    queue.remove().unwrap();
    assert_eq!(script.end(), "removed\n");
}

/// A receiver of ours that waits is woken by Python's removal.
#[test]
fn pythons_removal_wakes_us() {
    let queue = own(MessageQueueOptions::new().open_random().unwrap());
    let script = "
queue = MessageQueue(key)
step('ready')
queue.remove()
";
    let Some(mut script) = Script::start(script, queue.key().unwrap()) else { return };
    assert_eq!(script.line(), "ready");
    // A thread: a fork would have copies of what other tests here have attached.
    let received = std::thread::scope(|scope| {
        let receiver = scope.spawn(|| queue.receive(Selector::Any));
        std::thread::sleep(SHORT);
        script.go_on();
        receiver.join().expect("it only receives")
    });
    assert_fails!(received, sysv_ipc::Error::Removed { .. });
    script.end();
}

// The demonstrations --------------------------------------------------------------------------

const ITERATIONS: &str = "200";

/// Returns where an example is. `cargo test --workspace` builds the examples before it runs a test.
fn example(name: &str) -> Option<PathBuf> {
    let test = env::current_exe().expect("the test has a path");
    let path = test.ancestors().nth(2).expect("cargo puts it in deps/").join("examples").join(name);
    if path.exists() {
        return Some(path);
    }
    skip(&format!("no {}; build it with `cargo build --examples`", path.display()));
    None
}

fn rust_side(name: &str, key: Key, role: &[&str]) -> Option<Command> {
    let mut command = Command::new(example(name)?);
    command.args(["--iterations", ITERATIONS]).arg(format!("--key={key}")).args(role);
    Some(command)
}

fn python_side(medium: &str, role: &str, key: Key) -> Option<Command> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/conversation.py");
    let mut command = Command::new(python()?);
    command.arg(script).args([medium, role, &key.get().to_string(), ITERATIONS]);
    Some(command)
}

/// One side. Killed if the test is done with it before its end.
struct Role(Child);

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs both sides to their ends. The conclusion starts once what the premise makes is there.
#[track_caller]
fn converse(mut premise: Command, mut conclusion: Command, is_there: impl Fn() -> bool, is_gone: impl Fn() -> bool) {
    let mut premise = Role(premise.spawn().unwrap());
    until(is_there);
    let concluded = conclusion.status().unwrap();
    let premised = premise.0.wait().unwrap();
    assert!(premised.success() && concluded.success(), "premise: {premised}, conclusion: {concluded}");
    assert!(is_gone(), "the premise removes what it made");
}

fn memory_is_there(key: Key) -> bool {
    // The text is there as well: it is written last.
    SharedMemoryOptions::new().open(key).is_ok_and(|memory| memory.read(1, 0).unwrap()[0].is_ascii_digit())
}

fn memory_is_gone(key: Key) -> bool {
    SharedMemoryOptions::new().open_segment(key).is_err() && SemaphoreOptions::new().open(key).is_err()
}

fn queue_is_there(key: Key) -> bool {
    MessageQueueOptions::new().open(key).is_ok()
}

/// R166 D1 D2: both examples, each as two processes of ours, end well and leave nothing.
#[test]
fn d1_d2_rust_with_rust() {
    let key = free_key();
    let _cleanup = KeyGuard::new(key);
    let Some(mut memory) = rust_side("conversation", key, &[]) else { return };
    assert!(memory.status().unwrap().success());
    assert!(memory_is_gone(key));
    let Some(mut queue) = rust_side("queue_conversation", key, &[]) else { return };
    assert!(queue.status().unwrap().success());
    assert!(!queue_is_there(key));
}

/// R166 D1c: through memory, with Python as either side.
#[test]
fn d1c_memory_rust_with_python() {
    let key = free_key();
    let _cleanup = KeyGuard::new(key);
    let Some(conclusion) = python_side("memory", "conclusion", key) else { return };
    let Some(premise) = rust_side("conversation", key, &["--role=premise"]) else { return };
    converse(premise, conclusion, || memory_is_there(key), || memory_is_gone(key));

    let Some(premise) = python_side("memory", "premise", key) else { return };
    let Some(conclusion) = rust_side("conversation", key, &["--role=conclusion"]) else { return };
    converse(premise, conclusion, || memory_is_there(key), || memory_is_gone(key));
}

/// R166 D2: over a queue, with Python as either side.
#[test]
fn d2_queue_rust_with_python() {
    let key = free_key();
    let _cleanup = KeyGuard::new(key);
    let Some(conclusion) = python_side("queue", "conclusion", key) else { return };
    let Some(premise) = rust_side("queue_conversation", key, &["--role=premise"]) else { return };
    converse(premise, conclusion, || queue_is_there(key), || !queue_is_there(key));

    let Some(premise) = python_side("queue", "premise", key) else { return };
    let Some(conclusion) = rust_side("queue_conversation", key, &["--role=conclusion"]) else { return };
    converse(premise, conclusion, || queue_is_there(key), || !queue_is_there(key));
}

/// D1b: without the semaphore it may go wrong or not, but it ends, and leaves nothing.
#[test]
fn d1b_without_the_semaphore() {
    let key = free_key();
    let _cleanup = KeyGuard::new(key);
    let Some(mut command) = rust_side("conversation", key, &["--live-dangerously"]) else { return };
    command.stderr(Stdio::null());
    let _may_fail = command.status().unwrap();
    assert!(memory_is_gone(key));
}

/// The main job: workers are killed, and the count is the same. Nothing stays.
#[test]
fn worker_pool_verifies() {
    let Some(worker_pool) = example("worker_pool") else { return };
    let tree = tempfile::tempdir().unwrap();
    for number in 0..200 {
        let text = format!("file number {number} says {}", "word ".repeat(number));
        fs::write(tree.path().join(format!("{number}.txt")), text).unwrap();
    }
    fs::write(tree.path().join("empty"), b"").unwrap();
    fs::write(tree.path().join("binary"), [0, 159, 146, 150]).unwrap();
    let output = Command::new(worker_pool)
        .args(["--workers", "3", "--kill", "4", "--verify"])
        .arg(tree.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("files: 202 (200 text, 1 binary, 1 empty, 0 unreadable)"), "{text}");
    assert!(text.contains("verified: identical") && text.contains(" 4 killed"), "{text}");
}
