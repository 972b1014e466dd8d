//! `schema/result.schema.json`, and what is held to it: the result of every run whose JSON a test reads.
//!
//! Knows the keywords that the file uses, and no others. Stricter than the schema in one point: a key that it doesn't
//! name is a mistake here, and a later version's for others.

use serde_json::{Map, Value};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/result.schema.json");

/// The schema.
pub fn result() -> Value {
    serde_json::from_str(&fs_err::read_to_string(FILE).unwrap()).unwrap()
}

/// Fails unless `value` is a result.
#[track_caller]
pub fn check(value: &Value) {
    let root = result();
    let mut wrong = Vec::new();
    validate(&root, &root, value, "result", &mut wrong);
    assert!(wrong.is_empty(), "{wrong:#?}\n{value:#}");
}

/// What in `value` is not as `schema` has it; each with its path.
pub fn validate(root: &Value, schema: &Value, value: &Value, path: &str, wrong: &mut Vec<String>) {
    for (keyword, expected) in schema.as_object().unwrap() {
        let fits = match keyword.as_str() {
            "$schema" | "title" | "description" | "$defs" => true,
            "$ref" => {
                let pointer = expected.as_str().unwrap().strip_prefix('#').unwrap();
                validate(root, root.pointer(pointer).unwrap(), value, path, wrong);
                true
            }
            "type" => is_of(value, expected.as_str().unwrap()),
            "const" => value == expected,
            "enum" => expected.as_array().unwrap().contains(value),
            "minimum" => value.as_i64() >= expected.as_i64(),
            "maximum" => value.as_i64() <= expected.as_i64(),
            // The one pattern is that of a digest.
            "pattern" => value.as_str().unwrap().parse::<oci_artifact::oci::Digest>().is_ok(),
            "required" => expected
                .as_array()
                .unwrap()
                .iter()
                .all(|key| value.get(key.as_str().unwrap()).is_some()),
            "items" => {
                for (at, item) in value.as_array().unwrap().iter().enumerate() {
                    validate(root, expected, item, &format!("{path}[{at}]"), wrong);
                }
                true
            }
            "properties" => {
                properties(
                    root,
                    expected.as_object().unwrap(),
                    value.as_object().unwrap(),
                    path,
                    wrong,
                );
                true
            }
            "additionalProperties" => {
                for (key, item) in value.as_object().unwrap() {
                    validate(root, expected, item, &format!("{path}.{key}"), wrong);
                }
                true
            }
            other => panic!("the schema has the keyword {other}, which this doesn't know"),
        };
        if !fits {
            wrong.push(format!("{path}: not as {keyword} has it: {expected}"));
        }
    }
}

fn properties(
    root: &Value,
    known: &Map<String, Value>,
    found: &Map<String, Value>,
    path: &str,
    wrong: &mut Vec<String>,
) {
    for (key, value) in found {
        match known.get(key) {
            Some(schema) => validate(root, schema, value, &format!("{path}.{key}"), wrong),
            None => wrong.push(format!("{path}.{key}: the schema doesn't know it")),
        }
    }
}

fn is_of(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        other => panic!("the schema has the type {other}, which this doesn't know"),
    }
}
