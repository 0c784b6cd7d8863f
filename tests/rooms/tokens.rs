//! A program as a list of names and signs.

/// Splits a program into names and signs, without comments and texts.
pub(crate) fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let len = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |at| at + 2)
        } else if rest.starts_with("r#\"") {
            rest.find("\"#").unwrap() + 2
        } else if first == '"' {
            let mut escaped = false;
            let ends = |letter: char| {
                let is_end = letter == '"' && !escaped;
                escaped = letter == '\\' && !escaped;
                is_end
            };
            rest[1..].find(ends).unwrap() + 2
        } else if first == '\'' {
            // A character, or else a lifetime.
            let second = rest[1..].chars().next().unwrap();
            let after = 1 + second.len_utf8();
            if second == '\\' {
                rest[3..].find('\'').unwrap() + 4
            } else if rest[after..].starts_with('\'') {
                after + 1
            } else {
                1
            }
        } else if first.is_alphanumeric() || first == '_' {
            let len = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
            tokens.push(rest[..len].to_owned());
            len
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else {
            // `$crate` in a macro is `crate`.
            if !first.is_whitespace() && first != '$' {
                tokens.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[len..];
    }
    tokens
}

/// Leaves out what is compiled for unit tests alone.
pub(crate) fn without_tests(tokens: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is_test =
            ["#", "[", "cfg", "(", "test", ")", "]"].iter().zip(&tokens[at..]).all(|(one, other)| one == other);
        if !is_test || at + 7 > tokens.len() {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        // Up to the end of the item: its semicolon, or its closing brace.
        let mut depth = 0;
        while at < tokens.len() {
            let token = tokens[at].as_str();
            depth += i32::from(token == "{") - i32::from(token == "}");
            at += 1;
            if depth == 0 && (token == ";" || token == "}") {
                break;
            }
        }
    }
    kept
}
