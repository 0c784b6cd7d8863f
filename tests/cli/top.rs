//! `sysv top` on a terminal: keys are sent, and the screen is read.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::unix::process::CommandExt as _,
    process::{Child, Command},
    sync::{Arc, Mutex as StdMutex},
    thread,
};

use nix::pty::{Winsize, openpty};
use support::{child, hold_for_ever, in_own_namespace, name, until};
use sysv_primitives::{Mutex, Pool, spsc};

use crate::tool::{TOOL, sysv};

const ROWS: u16 = 30;
const COLUMNS: u16 = 120;

/// The tool on a terminal of the test's.
struct Terminal {
    child: Child,
    keys: File,
    screen: Arc<StdMutex<vt100::Parser>>,
}

impl Terminal {
    fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let size = Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(&size, None).unwrap();
        let (screen, slave) = (pty.master, pty.slave);
        let mut command = Command::new(TOOL);
        command.args(arguments).env("TERM", "xterm-256color").env_remove("NO_COLOR").envs(environment.iter().copied());
        command.stdin(slave.try_clone().unwrap()).stdout(slave.try_clone().unwrap()).stderr(slave);
        #[allow(unsafe_code, reason = "a child gets a terminal of its own")]
        // SAFETY: between fork and exec it makes two system calls, and takes nothing from the heap.
        unsafe {
            command.pre_exec(take_terminal);
        }
        let child = command.spawn().unwrap();
        // The slave's ends of this process must go, or the end of the child is not seen.
        drop(command);
        let mut reader = File::from(screen.try_clone().unwrap());
        let parser = Arc::new(StdMutex::new(vt100::Parser::new(ROWS, COLUMNS, 0)));
        let filled = Arc::clone(&parser);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // It fails when the child has ended.
            while let Ok(len @ 1..) = reader.read(&mut bytes) {
                filled.lock().unwrap().process(&bytes[..len]);
            }
        });
        Self { child, keys: File::from(screen), screen: parser }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Returns when the tool reads keys: before, the terminal would change some.
    fn top(arguments: &[&str]) -> Self {
        let top = Self::run(arguments, &[]);
        top.until_shows("KIND");
        top
    }

    /// Returns when the screen shows a text.
    #[track_caller]
    fn until_shows(&self, text: &str) {
        self.until(text, |screen| screen.contains(text));
    }

    #[track_caller]
    fn until(&self, what: &str, suits: impl Fn(&str) -> bool) {
        let shown = support::within(support::LONG, || suits(&self.text()));
        assert!(shown, "never: {what}\n{}", self.text());
    }

    fn code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    fn lines_with(&self, text: &str) -> Vec<String> {
        self.text().lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
    }
}

/// Makes standard input the terminal of this process.
fn take_terminal() -> io::Result<()> {
    nix::unistd::setsid()?;
    #[allow(unsafe_code, reason = "nix has no such call")]
    // SAFETY: the request takes a number.
    let taken = unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) };
    nix::errno::Errno::result(taken)?;
    Ok(())
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const QUICK: [&str; 3] = ["top", "--interval", "50"];

/// Rows, the filter, the page of one object, help, and the end: by keys.
#[test]
fn keys_move_filter_show_and_end() {
    let (one, other) = (name(), name());
    let _objects = (Mutex::create(&one, 0_u64).unwrap(), Pool::create(&other, 4).unwrap());
    let mut top = Terminal::top(&QUICK);
    top.press(&format!("/{}", &*one));
    top.until_shows("Filter:");
    top.until("the filter holds", |screen| screen.contains(&*one) && !screen.contains(&*other));
    top.press("\r");
    top.until_shows("Sort: name");
    top.press("s");
    top.until_shows("Sort: waiting");
    top.press("\r");
    top.until_shows("member  slot");
    top.until_shows(&std::process::id().to_string());
    // Esc closes the object, then clears the filter, and then ends.
    top.press("\x1b");
    top.until("the object is closed", |screen| !screen.contains("member  slot"));
    top.press("\x1b");
    top.until_shows(&other);
    top.press("\x1bOP");
    top.until_shows("order by the next column");
    top.press("?");
    top.until("the help is closed", |screen| !screen.contains("order by the next column"));
    top.press("q");
    assert_eq!(top.code(), Some(0));
}

/// Arrows move the mark, and it stays on its object.
#[test]
fn arrows_move_the_mark() {
    let base = name();
    let names: Vec<String> = (0..3).map(|number| format!("{number}-{}", &*base)).collect();
    let _mutexes: Vec<_> =
        names.iter().map(|name| Mutex::options().remove_on_drop(true).create(name, 0_u8).unwrap()).collect();
    let mut top = Terminal::top(&QUICK);
    // Home, since the mark stays where it was among other tests' objects.
    top.press(&format!("/{}\r\x1b[H", &*base));
    let marked = |name: &str| {
        // The end of a long name is cut.
        let wanted = name[..20].to_owned();
        move |screen: &str| screen.lines().any(|line| line.starts_with('>') && line.contains(&wanted))
    };
    top.until("the first is marked", marked(&names[0]));
    top.press("\x1b[B\x1b[B");
    top.until("the third is marked", marked(&names[2]));
    top.press("\x1b[A");
    top.until("the second is marked", marked(&names[1]));
    top.press("\x1b[F");
    top.until("the last is marked", marked(&names[2]));
    top.press("\x1b[21~");
    assert_eq!(top.code(), Some(0), "F10 ends it");
}

/// Rates and fill of a ring, the longest wait at a mutex, and a death.
#[test]
fn rates_waits_and_deaths() {
    let name = name();
    let mutex = Mutex::create(&name, 0_u64).unwrap();
    let _ring = spsc::Ring::<u64>::create(&name, 8).unwrap();
    let guard = mutex.lock().unwrap();
    let waiter = child(|| drop(Mutex::<u64>::open(&name).unwrap().lock()));
    waiter.until_asleep();
    let worker = child(|| {
        let ring = spsc::Ring::<u64>::open(&name).unwrap();
        let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
        for _ in 0..6 {
            producer.push(1).unwrap();
        }
        loop {
            producer.push(1).unwrap();
            consumer.pop().unwrap();
            thread::sleep(std::time::Duration::from_millis(1));
        }
    });
    let mut top = Terminal::top(&["top", "--interval", "200"]);
    top.press(&format!("/{}\r", &*name));
    let line = |kind: &str, suits: &dyn Fn(&[&str]) -> bool| {
        let of_kind = |line: &str| {
            line.trim_start_matches(['>', ' ']).starts_with(kind) && suits(&line.split_whitespace().collect::<Vec<_>>())
        };
        top.until(kind, |screen| screen.lines().any(of_kind));
    };
    // 75 % full, and with two rates that are no dashes and not zero.
    line("spsc ring", &|words| words.contains(&"75%") && !words[words.len() - 3].starts_with(['-', '0']));
    // One waits, for seconds by now.
    line("mutex", &|words| words.contains(&"s") || words.iter().any(|word| word.ends_with('s') && word.len() > 1));
    let pid = worker.id();
    worker.kill();
    top.until_shows("1 death in the last minute");
    assert!(!top.lines_with("spsc ring").is_empty() && pid > 0);
    drop(guard);
    waiter.join();
    top.press("\x03");
    assert_eq!(top.code(), Some(0), "Ctrl-C ends it");
    // The screen is the former one again.
    assert!(support::within(support::LONG, || !top.screen.lock().unwrap().screen().alternate_screen()));
}

/// Colours on a terminal, and none if the environment says so.
#[test]
fn colours_as_the_environment_says() {
    let name = name();
    let _mutex = Mutex::create(&name, 0_u64).unwrap();
    let holder = child(|| {
        let mutex = Mutex::<u64>::open(&name).unwrap();
        let _guard = mutex.lock().unwrap();
        hold_for_ever();
    });
    until(|| _mutex.holder().is_some());
    holder.kill();
    for (environment, wanted) in [(&[][..], true), (&[("NO_COLOR", "1")], false), (&[("TERM", "dumb")], false)] {
        let mut list = Terminal::run(&["show", &name], environment);
        assert_eq!(list.code(), Some(0));
        list.until_shows(&name);
        let coloured = {
            let parser = list.screen.lock().unwrap();
            let screen = parser.screen();
            let cells = (0..ROWS).flat_map(|row| (0..COLUMNS).map(move |column| (row, column)));
            cells
                .filter_map(|(row, column)| screen.cell(row, column))
                .any(|cell| cell.fgcolor() != vt100::Color::Default)
        };
        assert_eq!(coloured, wanted, "{environment:?}");
    }
}

/// A question before something is removed.
#[test]
fn a_terminal_is_asked() {
    in_own_namespace(|| {
        let name = name();
        drop(Mutex::create(&name, 0_u64).unwrap());
        let mut remove = Terminal::run(&["remove", &name], &[]);
        remove.until_shows("[y/N]");
        remove.press("n\n");
        assert_eq!(remove.code(), Some(3));
        assert!(Mutex::<u64>::open(&name).is_ok());
        let mut remove = Terminal::run(&["remove", &name], &[]);
        remove.until_shows("[y/N]");
        remove.press("y\n");
        assert_eq!(remove.code(), Some(0));
        assert!(Mutex::<u64>::open(&name).is_err());
    });
}

/// Without a terminal it is refused.
#[test]
fn no_terminal() {
    assert!(sysv(&["top"]).ended(3).err.contains("terminal"));
    sysv(&["top", "--json"]).ended(2);
}
