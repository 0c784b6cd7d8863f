//! What `--json` prints, against `docs/sysv.schema.json`.
//!
//! This reads as much of JSON Schema as that file uses, and is stricter in one way: a field that the file does not have is
//! an error here, so that none is forgotten there.

use serde_json::Value;

use crate::tool::{json, sysv};

fn definitions() -> Value {
    let schema: Value = serde_json::from_str(include_str!("../../docs/sysv.schema.json")).expect("it is JSON");
    schema["$defs"].clone()
}

/// Panics if the page is not as its command's definition says.
#[track_caller]
pub(crate) fn check(page: &Value) {
    let all = definitions();
    let command = page["command"].as_str().expect("a page names its command");
    let schema = &all[format!("command_{command}")];
    assert!(schema.is_object(), "the schema has no command {command}");
    if let Err(why) = matches(page, schema, &all, command) {
        panic!("{why}\n{page:#}");
    }
}

fn matches(value: &Value, schema: &Value, all: &Value, at: &str) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.strip_prefix("#/$defs/").expect("all definitions are there");
        assert!(all[name].is_object(), "there is no definition {name}");
        return matches(value, &all[name], all, at);
    }
    if let Some(wanted) = schema.get("const") {
        return if value == wanted { Ok(()) } else { Err(format!("{at} is {value} and not {wanted}")) };
    }
    if let Some(values) = schema["enum"].as_array()
        && !values.contains(value)
    {
        return Err(format!("{at}: {value} is none of {values:?}"));
    }
    if schema.get("type").is_some() && !types(schema).any(|wanted| is_a(value, wanted)) {
        return Err(format!("{at}: {value} is no {}", schema["type"]));
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let results: Vec<_> = choices.iter().map(|choice| matches(value, choice, all, at)).collect();
        if results.iter().all(Result::is_err) {
            return results.into_iter().next().expect("there is a choice");
        }
    }
    if let Some(items) = value.as_array() {
        items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| matches(item, &schema["items"], all, &format!("{at}[{index}]")))?;
    }
    if let Some(fields) = value.as_object() {
        for required in schema["required"].as_array().into_iter().flatten() {
            let name = required.as_str().expect("a name is text");
            fields.get(name).ok_or_else(|| format!("{at} has no {name}"))?;
        }
        // A choice of fields names no types.
        if schema.get("type").is_some() {
            for (name, field) in fields {
                let known = schema["properties"].get(name).or_else(|| schema.get("additionalProperties"));
                let known = known.ok_or_else(|| format!("{at}.{name} is not in the schema"))?;
                matches(field, known, all, &format!("{at}.{name}"))?;
            }
        }
    }
    Ok(())
}

fn types(schema: &Value) -> impl Iterator<Item = &str> {
    let types = &schema["type"];
    let several = types.as_array().into_iter().flatten().filter_map(Value::as_str);
    types.as_str().into_iter().chain(several)
}

fn is_a(value: &Value, wanted: &str) -> bool {
    match wanted {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => panic!("the schema has a type {wanted}"),
    }
}

/// A page that is not as the schema says is refused: the other tests can fail.
#[test]
fn a_wrong_page_is_noticed() {
    let mut page = json(&["limits"]);
    page["limits"][0]["limit"] = "32000".into();
    assert!(
        matches(&page, &definitions()["command_limits"], &definitions(), "").unwrap_err().contains("limits[0].limit")
    );

    let mut page = json(&["limits"]);
    page["limits"][0]["surprise"] = 1.into();
    assert!(matches(&page, &definitions()["command_limits"], &definitions(), "").unwrap_err().contains("surprise"));

    let mut page = json(&["doctor"]);
    page["findings"][0]["level"] = "bad".into();
    assert!(matches(&page, &definitions()["command_doctor"], &definitions(), "").is_err());
}

/// Each page says of which version its form is, and numbers are numbers.
#[test]
fn pages_have_a_version_and_numbers() {
    let page = json(&["limits"]);
    assert_eq!((&page["version"], &page["command"]), (&1.into(), &"limits".into()));
    let names: Vec<_> = page["limits"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    let all = ["SEMMNI", "SEMMNS", "SEMMSL", "SEMOPM", "SHMMNI", "SHMALL", "SHMMAX", "MSGMNI", "MSGMAX", "MSGMNB"];
    assert_eq!(names, all);
    for row in page["limits"].as_array().unwrap() {
        assert!(row["limit"].is_u64() && row["sysctl"].as_str().unwrap().starts_with("kernel."), "{row}");
    }
}

/// Wrong usage is exit code 2, and says so on standard error.
#[test]
fn wrong_usage() {
    for arguments in [
        &["no-such-command"][..],
        &["list", "--kind", "lamp"],
        &["why", "one"],
        &["clean", "--older-than", "long"],
        &[],
    ] {
        let ran = sysv(arguments).ended(2);
        assert!(ran.out.is_empty() && !ran.err.is_empty());
    }
}
