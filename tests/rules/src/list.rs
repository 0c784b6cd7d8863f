//! The list of rules.

use std::{
    collections::BTreeSet,
    fmt, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// How many seconds a test may take by default. A test that is not affected takes a few.
pub(crate) const LIMIT: u64 = 300;

/// A rule, how it is taken out, and which test must notice that.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// The rule, as the header of its module names it.
    pub(crate) rule: String,
    /// What the code does not do any more.
    pub(crate) without: String,
    pub(crate) file: PathBuf,
    pub(crate) from: String,
    pub(crate) to: String,
    /// The package, its test program or `lib`, and the name of the test.
    test: (String, String, String),
    /// After how many seconds a test that hangs is ended, and has noticed it.
    #[serde(default = "limit")]
    pub(crate) limit: u64,
    /// Why no test notices it: it is redundant.
    pub(crate) survives: Option<String>,
}

fn limit() -> u64 {
    LIMIT
}

/// A test.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Noticer {
    pub(crate) package: String,
    pub(crate) program: String,
    pub(crate) test: String,
}

impl Noticer {
    /// Returns where cargo would run it.
    pub(crate) fn directory(&self) -> &'static str {
        match self.package.as_str() {
            "sysv-primitives" => "primitives",
            "sysv-tests" => "tests",
            "sysv-loom" => "tests/loom",
            "sysv-loom-async" => "tests/loom_async",
            _ => "",
        }
    }

    pub(crate) fn has_program_of(&self, other: &Self) -> bool {
        (&self.package, &self.program) == (&other.package, &other.program)
    }
}

impl fmt::Display for Noticer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { package, program, test } = self;
        write!(f, "{test} of {package}/{program}")
    }
}

impl Entry {
    pub(crate) fn noticer(&self) -> Noticer {
        let (package, program, test) = self.test.clone();
        Noticer { package, program, test }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rules: Vec<Entry>,
}

/// Reads the list, in the order of its files.
pub(crate) fn read(root: &Path) -> Result<Vec<Entry>> {
    let mut files = Vec::new();
    for file in fs::read_dir(root.join("tests/rules/list"))? {
        files.push(file?.path());
    }
    files.sort();
    let mut entries = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file)?;
        let list: File = toml::from_str(&text).with_context(|| file.display().to_string())?;
        entries.extend(list.rules);
    }
    Ok(entries)
}

/// Checks that each entry can be applied, and that its test is there.
pub(crate) fn check(root: &Path, entries: &[Entry]) -> Result<()> {
    let tests = functions(root)?;
    let mut names = BTreeSet::new();
    for entry in entries {
        let name = &entry.name;
        ensure!(names.insert(name), "{name} is in the list twice");
        let text = fs::read_to_string(root.join(&entry.file)).with_context(|| format!("the file of {name}"))?;
        let found = text.matches(&entry.from).count();
        ensure!(found == 1, "{name}: its text is in {} {found} times", entry.file.display());
        ensure!(entry.from != entry.to, "{name} changes nothing");
        let test = entry.noticer().test;
        let function = test.rsplit("::").next().unwrap_or_default();
        ensure!(tests.contains(function), "{name}: there is no test {function}");
    }
    Ok(())
}

/// Returns the names of all functions in the tests and in the crates.
fn functions(root: &Path) -> Result<BTreeSet<String>> {
    let mut functions = BTreeSet::new();
    for folder in ["src", "primitives/src", "tests"] {
        each_source(&root.join(folder), &mut |_, text| {
            // A macro of the tests has the names behind arrows.
            let begun = ["fn ", "=> "].into_iter().flat_map(|before| text.split(before).skip(1));
            let is_end = |letter: char| !letter.is_alphanumeric() && letter != '_';
            functions.extend(begun.filter_map(|rest| rest.split(is_end).next()).map(str::to_owned));
        })?;
    }
    Ok(functions)
}

/// Calls `see` with each file of Rust under a folder, and its text.
pub(crate) fn each_source(folder: &Path, see: &mut dyn FnMut(&Path, &str)) -> Result<()> {
    for found in fs::read_dir(folder)? {
        let path = found?.path();
        if path.is_dir() {
            each_source(&path, see)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            see(&path, &fs::read_to_string(&path)?);
        }
    }
    Ok(())
}
