//! Running the tool.

use std::{
    ffi::OsStr,
    fs::File,
    os::fd::AsRawFd,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::schema;

pub(crate) const TOOL: &str = env!("CARGO_BIN_EXE_sysv-under-test");

/// What a run of the tool left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the tool without a terminal.
#[track_caller]
pub(crate) fn sysv<A: AsRef<OsStr>>(arguments: &[A]) -> Ran {
    run(Command::new(TOOL).args(arguments))
}

/// Runs the tool where its file can't be reached: as another user, below a folder of root's.
#[track_caller]
pub(crate) fn sysv_from_anywhere(tool: &File, arguments: &[&str]) -> Ran {
    run(Command::new(format!("/proc/self/fd/{}", tool.as_raw_fd())).args(arguments))
}

#[track_caller]
pub(crate) fn run(command: &mut Command) -> Ran {
    let output = command.stdin(Stdio::null()).output().expect("the tool was built");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it writes UTF-8");
    let (out, err) = (text(output.stdout), text(output.stderr));
    // 101 is a panic, and without a code it was killed.
    let code = output.status.code().unwrap_or_else(|| panic!("{:?}: {err}", output.status));
    assert!(code <= 3 && !err.contains("panicked"), "exit code {code}: {err}");
    Ran { code, out, err }
}

impl Ran {
    /// Returns its JSON, which must be as the schema says.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let value =
            serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {} {}", self.out, self.err));
        schema::check(&value);
        value
    }

    /// The exit code must be this.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        self
    }

    /// The output must have this text.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.out.contains(text), "no {text:?} in:\n{}{}", self.out, self.err);
        self
    }
}

/// Runs a command with `--json`. It must end well.
#[track_caller]
pub(crate) fn json(arguments: &[&str]) -> Value {
    let mut all = vec!["--json"];
    all.extend(arguments);
    sysv(&all).ended(0).json()
}

/// Returns the one object of a `list` or `show`.
#[track_caller]
pub(crate) fn object(page: &Value) -> &Value {
    let objects = page["objects"].as_array().expect("it lists objects");
    assert_eq!(objects.len(), 1, "{page}");
    &objects[0]
}
