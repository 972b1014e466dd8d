//! The JSON schema of the spec, made from the table of keys: editors complete and check a spec with it.

use serde_json::{Map, Value, json};

use super::keys::{Kind, Scope, in_scope};

/// Draft 2020-12, pretty, the same on every run.
pub fn schema() -> String {
    let mut root = map(Scope::Spec);
    let about = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "oci-artifact",
        "description": "Which files, of which media types, make which OCI artifacts, and where they go. \
                        Values may have ${ci.NAME}, ${vars.NAME} and ${…:-DEFAULT} in them.",
        "$defs": {
            "artifact": map(Scope::Artifact),
            "file": map(Scope::File),
            "config": map(Scope::Config),
            "tag": map(Scope::Tag),
            "attachment": map(Scope::Attachment),
            "manifest": map(Scope::Manifest),
            // The reader takes scalars as they are written, so 1.10 needs no quotes.
            "word": {"type": ["string", "number", "boolean"]},
            "shortFile": {
                "type": "string",
                "minLength": 1,
                "description": "PATH or PATH:TYPE/SUBTYPE; in `files` a leading ! takes away earlier matches.",
            },
        },
    });
    if let (Value::Object(root), Value::Object(about)) = (&mut root, about) {
        root.extend(about);
    }
    // `{:#}` of a JSON value is its pretty form, and can't fail.
    format!("{root:#}\n")
}

fn map(scope: Scope) -> Value {
    let properties: Map<String, Value> = in_scope(scope)
        .map(|key| {
            let mut value = kind(key.kind);
            if let Value::Object(value) = &mut value {
                value.insert("description".to_owned(), key.doc.into());
            }
            (key.name.to_owned(), value)
        })
        .collect();
    // An artifact goes to a place of its own, or to what it is attached to.
    let goes = (scope == Scope::Artifact).then(|| json!([{"required": ["reference"]}, {"required": ["subject"]}]));
    let required: Vec<&str> = in_scope(scope).filter(|key| key.required).map(|key| key.name).collect();
    let mut map = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    if let (Value::Object(map), false) = (&mut map, required.is_empty()) {
        map.insert("required".to_owned(), required.into());
    }
    if let (Value::Object(map), Some(goes)) = (&mut map, goes) {
        map.insert("oneOf".to_owned(), goes);
    }
    map
}

fn kind(kind: Kind) -> Value {
    // Where text is checked further, `${…}` must pass.
    let text = |pattern: &str| json!({"type": "string", "pattern": format!("{pattern}|\\$\\{{")});
    match kind {
        Kind::Version => json!({"const": 1}),
        Kind::Text | Kind::Tag => json!({"$ref": "#/$defs/word"}),
        Kind::Host | Kind::Reference | Kind::Path | Kind::ManifestName => json!({"type": "string", "minLength": 1}),
        Kind::MediaType => text("^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*$"),
        Kind::Platform => text("^[a-z0-9._-]+/[a-z0-9._-]+(/[a-z0-9._-]+)?$"),
        Kind::Tags => one_or_list(&json!({"$ref": "#/$defs/word"}), Some("#/$defs/tag")),
        Kind::Patterns => one_or_list(&json!({"type": "string", "minLength": 1}), None),
        Kind::Files => one_or_list(&json!({"$ref": "#/$defs/shortFile"}), Some("#/$defs/file")),
        Kind::Config => json!({"anyOf": [{"$ref": "#/$defs/shortFile"}, {"$ref": "#/$defs/config"}]}),
        Kind::Annotations => json!({
            "type": "object",
            "propertyNames": {"minLength": 1},
            "additionalProperties": {"$ref": "#/$defs/word"},
        }),
        Kind::IfExists => choice(&["replace", "skip", "fail"]),
        Kind::Compression => choice(&["gzip", "zstd", "none"]),
        Kind::Bool => json!({"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": "\\$\\{"}]}),
        Kind::Attachments => json!({"type": "array", "items": {"$ref": "#/$defs/attachment"}}),
        Kind::Manifests => one_or_list(&json!({"$ref": "#/$defs/word"}), Some("#/$defs/manifest")),
        Kind::ReferrerTypes => one_or_list(&json!({"type": "string", "minLength": 1}), None),
        Kind::Form => choice(&["image-1.1", "image-1.0"]),
        Kind::Time => text("^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}"),
        Kind::Artifacts => json!({"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/artifact"}}),
    }
}

fn choice(words: &[&str]) -> Value {
    json!({"anyOf": [{"enum": words}, {"type": "string", "pattern": "\\$\\{"}]})
}

/// One text, whose lines are entries, or a list of texts and, if there is such a form, maps.
fn one_or_list(text: &Value, map: Option<&str>) -> Value {
    let item = match map {
        Some(map) => json!({"anyOf": [text, {"$ref": map}]}),
        None => text.clone(),
    };
    json!({"anyOf": [text, {"type": "array", "items": item}]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/oci-artifact.schema.json");
        let committed = fs_err::read_to_string(path).unwrap_or_default();
        assert!(
            committed == schema(),
            "{path} is stale: write what `oci-artifact schema` prints into it"
        );
    }
}
