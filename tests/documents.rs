//! Keeps what is written true: the rows of `PARITY.md`, and what the house promises of its own tests.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

fn path_of(tests: &Path, file: &str) -> PathBuf {
    let raw = tests.join(format!("raw/{file}.rs"));
    if raw.exists() { raw } else { tests.join(format!("{file}.rs")) }
}

/// Each row of `PARITY.md` names tests that exist and that name the row.
#[test]
fn every_row_has_a_test() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = fs::read_to_string(tests.join("PARITY.md")).unwrap();
    let mut sources = BTreeMap::new();
    let mut rows = 0;
    for row in table.lines().filter(|line| line.starts_with("| R")) {
        let cells: Vec<_> = row.split(" | ").collect();
        let (number, shown_by) = (cells[0].trim_start_matches("| "), cells[cells.len() - 1]);
        assert!(shown_by.contains('`'), "{number} has no test");
        for test in shown_by.split('`').filter(|part| part.contains("::")) {
            let (file, function) = test.split_once("::").unwrap();
            let source =
                sources.entry(file.to_owned()).or_insert_with(|| fs::read_to_string(path_of(tests, file)).unwrap());
            let at = source.find(&format!("fn {function}(")).unwrap_or_else(|| panic!("{test} does not exist"));
            // The row stands in the test's comment, its name, or its body.
            let from = source[..at].rfind("\n}\n").unwrap_or(0);
            let to = at + source[at..].find("\n}\n").unwrap_or(source.len() - at);
            let names = |letter: &str| {
                let name = format!("{letter}{}", &number[1..]);
                source[from..to].match_indices(&name).any(|(place, _)| {
                    let next = source[from..to][place + name.len()..].chars().next();
                    !next.is_some_and(|next| next.is_ascii_digit())
                })
            };
            assert!(names("R") || names("r"), "{test} does not name {number}");
        }
        rows += 1;
    }
    assert!(rows > 150, "the table has only {rows} rows");
}

/// Calls `check` with each file under a folder that ends so.
fn each_file(folder: &Path, ending: &str, check: &mut dyn FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            each_file(&path, ending, check);
        } else if path.to_str().is_some_and(|path| path.ends_with(ending)) {
            check(&path, &fs::read_to_string(&path).unwrap());
        }
    }
}

/// No test builds anything: a build takes minutes on a slow machine, which looks like a hang.
#[test]
fn case_c23_no_test_builds() {
    // In two parts, so that this file does not say it.
    let (cargo, builder) = (concat!("env!(\"CAR", "GO\")"), concat!("try", "build"));
    each_file(Path::new(env!("CARGO_MANIFEST_DIR")), ".rs", &mut |path, text| {
        assert!(!text.contains(cargo) && !text.contains(builder), "{} builds", path.display());
    });
}

/// The examples that draw nothing and measure nothing compile no plots, benchmarks or test generators.
#[test]
fn case_f3_examples_compile_what_they_need() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/Cargo.toml");
    // The packed tests stand without the examples.
    let Ok(manifest) = fs::read_to_string(manifest) else { return };
    assert!(manifest.contains("[dependencies]") && !manifest.contains("[dev-dependencies]"));
    for heavy in ["criterion", "plotters", "proptest", "tempfile"] {
        assert!(!manifest.contains(heavy), "an example compiles {heavy}");
    }
}

/// Every program of the README has a `main`, and hides no line: what is shown is what compiles.
#[test]
fn case_f1_snippets_are_whole_programs() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).unwrap();
    let programs: Vec<_> = readme.split("```rust\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(programs.len() > 8, "the README has only {} programs", programs.len());
    for program in programs {
        assert!(program.contains("fn main()"), "no main in {program}");
        assert!(!program.lines().any(|line| line.starts_with("# ") || line == "#"), "a hidden line in {program}");
    }
}
