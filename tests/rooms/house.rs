//! What the files of a crate say of each other.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    iter::Peekable,
    path::{Path, PathBuf},
    slice::Iter,
};

use crate::tokens::{tokens, without_tests};

/// A crate as its files say: its modules, what each declares and imports, and which paths stand in its code.
#[derive(Default)]
pub(crate) struct House {
    modules: BTreeMap<Vec<String>, Module>,
    /// Macros that are named from the root, wherever they are.
    exported: BTreeMap<String, Vec<String>>,
}

#[derive(Default)]
struct Module {
    file: PathBuf,
    children: BTreeSet<String>,
    /// The names that it declares.
    items: BTreeSet<String>,
    imports: Vec<Import>,
    /// Paths in the code, outside of imports.
    paths: Vec<Vec<String>>,
}

struct Import {
    path: Vec<String>,
    /// The name that it has here, or `*`.
    name: String,
    /// Whether the code here needs it, or it is only passed on.
    is_needed: bool,
}

impl House {
    /// Reads a crate, from its root file on.
    pub(crate) fn read(root: &Path) -> Self {
        let mut house = Self::default();
        house.read_file(Vec::new(), root, root.parent().unwrap());
        house
    }

    fn read_file(&mut self, module: Vec<String>, file: &Path, folder: &Path) {
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.read_module(module, without_tests(&tokens(&text)), file, folder);
    }

    fn read_module(&mut self, module: Vec<String>, tokens: Vec<String>, file: &Path, folder: &Path) {
        let mut read = Module { file: file.to_owned(), ..Module::default() };
        let mut own = Vec::new();
        let mut rest = tokens.into_iter().peekable();
        while let Some(token) = rest.next() {
            if token != "mod" {
                own.push(token);
                continue;
            }
            let child = rest.next().unwrap();
            let path = module.iter().chain([&child]).cloned().collect();
            let at = folder.join(&child);
            if rest.next().as_deref() == Some(";") {
                let in_folder = at.join("mod.rs");
                let file = if in_folder.exists() { in_folder } else { at.with_extension("rs") };
                self.read_file(path, &file, &at);
            } else {
                let mut depth = 1;
                let inner = rest.by_ref().take_while(|token| {
                    depth += i32::from(token == "{") - i32::from(token == "}");
                    depth > 0
                });
                let inner = inner.collect();
                self.read_module(path, inner, file, &at);
            }
            read.children.insert(child);
        }
        for at in 0..own.len() {
            if own[at] == "macro_export" {
                let name = own[at..].iter().skip_while(|token| *token != "macro_rules").nth(2).unwrap();
                self.exported.insert(name.clone(), module.clone());
            }
        }
        const KINDS: &[&str] = &["const", "enum", "fn", "static", "struct", "trait", "type", "union"];
        for window in own.windows(3) {
            if KINDS.contains(&window[0].as_str()) {
                read.items.insert(window[1].clone());
            } else if window[0] == "macro_rules" {
                read.items.insert(window[2].clone());
            }
        }
        read.read_code(&own);
        self.modules.insert(module, read);
    }

    /// Returns the module that has the item which a path names, seen from a module. Returns `None` if it is another
    /// crate's, or if the path names a module as a whole: what is used of it is seen where it is used.
    fn find(&self, from: &[String], path: &[String], depth: usize) -> Option<Vec<String>> {
        let (at, rest) = self.walk(from, path);
        let (name, behind) = rest.split_first()?;
        self.find_item(&at, name, behind, rest.len() == path.len(), depth)
    }

    /// Follows a path through modules. Returns the last one, and what is left of the path.
    fn walk<'a>(&self, from: &[String], path: &'a [String]) -> (Vec<String>, &'a [String]) {
        let mut at = from.to_vec();
        for (done, name) in path.iter().enumerate() {
            match name.as_str() {
                "crate" => at.clear(),
                "self" => {}
                "super" => drop(at.pop()),
                _ if self.modules[&at].children.contains(name) => at.push(name.clone()),
                _ => return (at, &path[done..]),
            }
        }
        (at, &[])
    }

    /// Finds an item in a module that declares it or passes it on. If `may_be_foreign`, the name may be none of its own.
    fn find_item(
        &self,
        at: &[String],
        name: &String,
        behind: &[String],
        may_be_foreign: bool,
        depth: usize,
    ) -> Option<Vec<String>> {
        let module = &self.modules[at];
        if module.items.contains(name) || depth > 9 {
            return Some(at.to_vec());
        }
        let named = |import: &&Import| import.name == *name && import.path != [name.clone()];
        if let Some(import) = module.imports.iter().find(named) {
            let whole: Vec<_> = import.path.iter().chain(behind).cloned().collect();
            return self.find(at, &whole, depth + 1);
        }
        for import in module.imports.iter().filter(|import| import.name == "*") {
            let (from, rest) = self.walk(at, &import.path[..import.path.len() - 1]);
            if rest.is_empty()
                && let Some(found) = self.find_item(&from, name, behind, true, depth + 1)
            {
                return Some(found);
            }
        }
        if at.is_empty()
            && let Some(found) = self.exported.get(name)
        {
            return Some(found.clone());
        }
        (!may_be_foreign).then(|| at.to_vec())
    }

    /// Returns which file needs which others.
    pub(crate) fn arrows(&self) -> BTreeMap<PathBuf, BTreeSet<PathBuf>> {
        let mut arrows: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (path, module) in &self.modules {
            let needed = module.imports.iter().filter(|import| import.is_needed).map(|import| &import.path);
            let found = needed.chain(&module.paths).filter_map(|named| self.find(path, named, 0));
            let files = found.map(|module| self.modules[&module].file.clone()).filter(|file| *file != module.file);
            arrows.entry(module.file.clone()).or_insert_with(BTreeSet::new).extend(files);
        }
        arrows
    }
}

impl Module {
    /// Reads the imports, and the paths of the code.
    fn read_code(&mut self, tokens: &[String]) {
        let mut code: Vec<&String> = Vec::new();
        let mut passed_on = Vec::new();
        let mut rest = tokens.iter().peekable();
        let mut before = String::new();
        while let Some(token) = rest.next() {
            // `use<…>` in a type is no import.
            if token == "use" && rest.peek().is_some_and(|token| *token != "<") {
                // `pub use`, or `pub(super) use`.
                let is_public = before == "pub" || before == ")";
                let from = self.imports.len();
                self.read_import(&mut rest, &mut Vec::new());
                passed_on.extend(self.imports[from..].iter().map(|_| is_public));
            } else {
                code.push(token);
            }
            before.clone_from(token);
        }
        for (import, is_public) in self.imports.iter_mut().zip(passed_on) {
            import.is_needed = !is_public || code.iter().any(|token| **token == import.name);
        }
        let is_name = |token: &str| token.starts_with(|letter: char| letter.is_alphabetic() || letter == '_');
        let mut at = 0;
        while at + 2 < code.len() {
            let begins = is_name(code[at]) && code[at + 1] == "::" && (at == 0 || code[at - 1] != "::");
            if !begins {
                at += 1;
                continue;
            }
            let mut path = vec![code[at].clone()];
            while at + 2 < code.len() && code[at + 1] == "::" && is_name(code[at + 2]) {
                path.push(code[at + 2].clone());
                at += 2;
            }
            at += 1;
            if path.len() > 1 {
                self.paths.push(path);
            }
        }
    }

    /// Reads one tree of an import, up to the token behind it.
    fn read_import(&mut self, tokens: &mut Peekable<Iter<'_, String>>, path: &mut Vec<String>) {
        let begun = path.len();
        while let Some(token) = tokens.next() {
            match token.as_str() {
                "::" => {}
                "{" => {
                    while tokens.peek().is_some_and(|token| *token != "}") {
                        self.read_import(tokens, path);
                        if tokens.peek().is_some_and(|token| *token == ",") {
                            tokens.next();
                        }
                    }
                    tokens.next();
                    path.truncate(begun);
                    return;
                }
                "as" => {
                    let name = tokens.next().unwrap().clone();
                    self.imports.push(Import { path: path.clone(), name, is_needed: true });
                    path.truncate(begun);
                    return;
                }
                _ => path.push(token.clone()),
            }
            let ends = tokens.peek().is_none_or(|token| matches!(token.as_str(), "," | ";" | "}"));
            if ends {
                if path.last().is_some_and(|name| name == "self") {
                    path.pop();
                }
                if let Some(name) = path.last().cloned() {
                    self.imports.push(Import { path: path.clone(), name, is_needed: true });
                }
                path.truncate(begun);
                return;
            }
        }
    }
}
