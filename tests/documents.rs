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

/// `cargo test` explores no model, and runs nothing under loom: that takes minutes, and has a script of its own.
#[test]
fn models_are_not_among_the_tests() {
    for folder in ["models", "loom", "loom_async"].map(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join(name)) {
        // The packed tests stand without them.
        let Ok(manifest) = fs::read_to_string(folder.join("Cargo.toml")) else { continue };
        each_file(&folder.join("tests"), ".rs", &mut |path, _| {
            let name = path.file_stem().unwrap().to_str().unwrap();
            let entry = format!("name = \"{name}\"\ntest = false");
            assert!(manifest.contains(&entry), "{} is run by `cargo test`", path.display());
        });
    }
}

/// The root of the repository, or of the packed crates' tests.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The pages that describe the project. The packed tests have some of them.
fn pages() -> Vec<(PathBuf, String)> {
    let mut pages: Vec<_> = ["README.md", "DESIGN.md"]
        .map(|page| root().join(page))
        .into_iter()
        .filter_map(|path| Some((path.clone(), fs::read_to_string(path).ok()?)))
        .collect();
    each_file(&root().join("docs"), ".md", &mut |path, text| pages.push((path.to_owned(), text.to_owned())));
    pages
}

/// The lines of a page outside its programs and consoles.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    let mut in_block = false;
    page.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        in_block ^= is_fence;
        !in_block && !is_fence
    })
}

/// Every program of the pages has a `main`, and hides no line: what is shown is what compiles.
#[test]
fn case_f1_snippets_are_whole_programs() {
    let mut programs = 0;
    for (path, page) in pages() {
        for program in page.split("```rust").skip(1).map(|rest| rest.split("```").next().unwrap()) {
            assert!(program.contains("fn main()"), "{}: no main in {program}", path.display());
            let is_hidden = |line: &str| line.starts_with("# ") || line == "#";
            assert!(!program.lines().any(is_hidden), "{}: a hidden line in {program}", path.display());
            programs += 1;
        }
    }
    assert!(programs > 12, "the pages have only {programs} programs");
}

/// What the link to a heading says: as GitHub and docs.rs make it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

/// The pictures in the documentation of the primitives, which is packed without the pages, are those of the pages.
#[test]
fn the_pictures_are_the_same_everywhere() {
    let folder = root().join("primitives/pictures");
    let Ok(pictures) = fs::read_dir(folder) else { return };
    let mut compared = 0;
    for picture in pictures.map(|entry| entry.unwrap().path()) {
        let page = root().join("docs/pictures").join(picture.file_name().unwrap());
        assert_eq!(fs::read(&picture).unwrap(), fs::read(page).unwrap(), "{}", picture.display());
        compared += 1;
    }
    assert_eq!(compared, 2);
}

/// Every relative link of a page leads to a file, and to a heading of it.
#[test]
fn every_link_leads_somewhere() {
    // The packed tests stand without the files that the pages speak of.
    if !root().join(".ci/run").exists() {
        return;
    }
    let mut all = pages();
    for further in ["CHANGELOG.md", "tests/PARITY.md", "benches/comparison/report/report.md"] {
        let path = root().join(further);
        let text = fs::read_to_string(&path).unwrap();
        all.push((path, text));
    }
    let mut links = 0;
    for (path, page) in &all {
        // Every second part is code.
        let parts = prose(page).flat_map(|line| line.split('`').step_by(2));
        let targets = parts.flat_map(|part| part.split("](").skip(1).filter_map(|rest| rest.split(')').next()));
        for target in targets.filter(|target| !target.contains("://")) {
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(file.exists(), "{}: {target} does not exist", path.display());
            if !heading.is_empty() {
                let text = fs::read_to_string(&file).unwrap();
                let is_there =
                    prose(&text).any(|line| line.starts_with('#') && anchor(line.trim_start_matches('#')) == heading);
                assert!(is_there, "{}: {target} has no such heading", path.display());
            }
            links += 1;
        }
    }
    assert!(links > 80, "the pages have only {links} links");
}

/// Every file and folder that a page names is there.
#[test]
fn every_file_that_is_named_exists() {
    if !root().join(".ci/run").exists() {
        return;
    }
    let folders = [".ci", "benches", "docs", "examples", "primitives", "src", "tests"];
    let is_path = |code: &str| {
        code.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-./".contains(letter))
            && (code.split_once('/').is_some_and(|(first, _)| folders.contains(&first))
                || [".md", ".rs", ".toml"].iter().any(|ending| code.ends_with(ending)))
    };
    let mut files = 0;
    for (path, page) in pages() {
        for named in prose(&page).flat_map(|line| line.split('`').skip(1).step_by(2)).filter(|code| is_path(code)) {
            assert!(root().join(named).exists(), "{}: {named} does not exist", path.display());
            files += 1;
        }
    }
    assert!(files > 40, "the pages name only {files} files");
}

/// The README is read in one go, and leads to every page.
#[test]
fn the_readme_is_short_and_leads_to_every_page() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let lines = readme.lines().count();
    assert!(lines <= 250, "the README has {lines} lines");
    each_file(&root().join("docs"), ".md", &mut |path, _| {
        let link = format!("](docs/{}", path.file_name().unwrap().to_str().unwrap());
        assert!(readme.contains(&link), "the README does not lead to {}", path.display());
    });
}

/// The subject of a sentence is a role or a thing, and an idea is a sentence.
#[test]
fn the_pages_are_in_plain_english() {
    let persons = ["who", "whoever", "whose", "whom", "somebody", "nobody", "everybody", "anybody"];
    for (path, page) in pages() {
        let text: String = prose(&page).flat_map(|line| line.split('`').step_by(2).chain(["\n"])).collect();
        let text = text.to_lowercase();
        let words = text.split(|letter: char| !letter.is_alphabetic()).filter(|word| !word.is_empty());
        let person = words.clone().find(|word| persons.contains(word));
        assert_eq!(person, None, "{}", path.display());
        assert!(!text.contains("unless said"), "{}", path.display());
        let (semicolons, words) = (text.matches(';').count(), words.count());
        assert!(semicolons * 1000 < words * 3, "{}: {semicolons} semicolons in {words} words", path.display());
    }
}
