//! The rules that the headers of the modules name, and those without an entry in the list.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};
use serde::Deserialize;

use crate::list::{Entry, each_source};

const FILE: &str = "tests/rules/reasons.toml";

/// A rule without an entry, and why it has none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reason {
    pub(crate) rule: String,
    /// The module that names the rule in its header.
    pub(crate) file: PathBuf,
    pub(crate) reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    reasons: Vec<Reason>,
}

/// The headers that name a rule.
type Headers = BTreeMap<String, BTreeSet<PathBuf>>;

/// Reads the reasons, in the order of their file.
pub(crate) fn read(root: &Path) -> Result<Vec<Reason>> {
    let file: File = toml::from_str(&fs::read_to_string(root.join(FILE))?)?;
    Ok(file.reasons)
}

/// Checks that each rule of a header has an entry or a reason, and not both, and that each entry has a rule of a header.
pub(crate) fn check(root: &Path, entries: &[Entry], reasons: &[Reason]) -> Result<()> {
    let headers = headers(root)?;
    for (rule, files) in &headers {
        for file in files {
            let is_only = files.len() == 1;
            let has_entry = entries.iter().any(|entry| entry.rule == *rule && (is_only || is_near(&entry.file, file)));
            let has_reason = reasons.iter().any(|reason| reason.rule == *rule && reason.file == *file);
            let file = file.display();
            ensure!(
                has_entry || has_reason,
                "{rule} of {file} has neither an entry in the list nor a reason in {FILE}"
            );
            ensure!(!(has_entry && has_reason), "{rule} of {file} has an entry, so it needs no reason");
        }
    }
    for Reason { rule, file, .. } in reasons {
        let is_named = headers.get(rule).is_some_and(|files| files.contains(file));
        ensure!(is_named, "{rule} has a reason, and {} does not name it", file.display());
    }
    for Entry { name, rule, .. } in entries {
        // Others are words.
        let is_named = !is_label(rule) || headers.contains_key(rule);
        ensure!(is_named, "{name} takes out {rule}, which no header names");
    }
    Ok(())
}

/// Returns whether a file is in the folder of a module, or below it. Two modules may use the same letters.
fn is_near(file: &Path, module: &Path) -> bool {
    module.parent().is_some_and(|folder| file.starts_with(folder))
}

/// Returns the rules that headers name: `- **LK1** …` in the comment of a module or of an item.
fn headers(root: &Path) -> Result<Headers> {
    let mut headers = Headers::new();
    for folder in ["src", "primitives/src"] {
        each_source(&root.join(folder), &mut |path, text| {
            let comments = text.lines().filter_map(|line| {
                let line = line.trim_start();
                line.strip_prefix("//!").or_else(|| line.strip_prefix("///"))
            });
            let bold = comments.filter_map(|comment| comment.trim_start().strip_prefix("- **")?.split_once("**"));
            for (rule, _) in bold.filter(|(rule, _)| is_label(rule)) {
                let file = path.strip_prefix(root).unwrap_or(path).to_owned();
                headers.entry(rule.to_owned()).or_default().insert(file);
            }
        })?;
    }
    Ok(headers)
}

/// Returns whether a text is letters and a number, as `LK1`, or the name of a general rule, as `R-own`.
fn is_label(text: &str) -> bool {
    let number = text.trim_start_matches(|letter: char| letter.is_ascii_uppercase());
    let is_numbered = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    let is_general = text.strip_prefix("R-").is_some_and(|name| name.bytes().all(|letter| letter.is_ascii_lowercase()));
    (is_numbered && number.len() < text.len()) || is_general
}
