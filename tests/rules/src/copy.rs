//! A copy of the checkout, in which rules are taken out.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::list::Entry;

/// A copy of what is in the checkout. It is kept from run to run, so that little is compiled again.
#[derive(Debug)]
pub(crate) struct Copy {
    pub(crate) checkout: PathBuf,
    /// Where the copy is compiled.
    pub(crate) target: PathBuf,
}

/// A rule that is taken out, until this is dropped.
#[derive(Debug)]
pub(crate) struct Applied {
    file: PathBuf,
    before: String,
}

impl Copy {
    /// Copies the files that git knows, also where they have changed. A file that is the same keeps its time.
    pub(crate) fn make(root: &Path) -> Result<Self> {
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let target = root.join(target).join("rules");
        let copy = Self { checkout: target.join("checkout"), target: target.join("build") };
        let listed = ["ls-files", "--cached", "--others", "--exclude-standard"];
        let listed = Command::new("git").args(listed).current_dir(root).output().context("git ls-files")?;
        ensure!(listed.status.success(), "git ls-files failed");
        for name in String::from_utf8(listed.stdout)?.lines() {
            copy.update(root, name)?;
        }
        Ok(copy)
    }

    fn update(&self, root: &Path, name: &str) -> Result<()> {
        let (from, to) = (root.join(name), self.checkout.join(name));
        let Ok(bytes) = fs::read(&from) else {
            // It was removed from the checkout.
            let _ = fs::remove_file(to);
            return Ok(());
        };
        if fs::read(&to).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        if let Some(directory) = to.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::copy(from, to).with_context(|| name.to_owned())?;
        Ok(())
    }

    /// Takes a rule out.
    pub(crate) fn apply(&self, entry: &Entry) -> Result<Applied> {
        let file = self.checkout.join(&entry.file);
        let before = fs::read_to_string(&file)?;
        fs::write(&file, before.replacen(&entry.from, &entry.to, 1))?;
        Ok(Applied { file, before })
    }
}

impl Drop for Applied {
    fn drop(&mut self) {
        if let Err(error) = fs::write(&self.file, &self.before) {
            // The next run copies it anew.
            eprintln!("{}: {error}", self.file.display());
        }
    }
}
