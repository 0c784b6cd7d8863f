//! Keeps `PARITY.md` true: each row names tests that exist and that name the row.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

fn path_of(tests: &Path, file: &str) -> PathBuf {
    let raw = tests.join(format!("raw/{file}.rs"));
    if raw.exists() { raw } else { tests.join(format!("{file}.rs")) }
}

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
