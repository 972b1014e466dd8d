//! A JSON object whose fields keep their order and their exact bytes: what other tools wrote is not ours to change.

use std::collections::HashSet;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::to_canonical_json;
use crate::error::{Error, Result};

/// Fields of one object, at most: a million short ones take far more memory than bytes.
const MOST: usize = 100_000;

/// The fields of one object.
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<(String, Box<RawValue>)>);

impl Fields {
    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }

    /// Sets `name` in its place, or at the end.
    pub fn set(&mut self, name: &str, value: &impl Serialize) -> Result<()> {
        let value = raw(value)?;
        match self.0.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
        Ok(())
    }

    /// Sets `name` in its place, or before `next`.
    pub fn set_before(&mut self, next: &str, name: &str, value: &impl Serialize) -> Result<()> {
        let at = self.0.iter().position(|(key, _)| key == next);
        match at.filter(|_| self.get(name).is_none()) {
            Some(at) => self.0.insert(at, (name.to_owned(), raw(value)?)),
            None => self.set(name, value)?,
        }
        Ok(())
    }

    /// Takes `name` away.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(key, _)| key != name);
    }

    /// Names and values, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(key, value)| (key.as_str(), &**value))
    }

    /// The names, in their order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// `value` as compact JSON with Go's escapes.
pub fn raw(value: &impl Serialize) -> Result<Box<RawValue>> {
    let internal = |error: &dyn fmt::Display| Error::internal(format!("JSON: {error}"));
    let json = String::from_utf8(to_canonical_json(value)?).map_err(|error| internal(&error))?;
    RawValue::from_string(json).map_err(|error| internal(&error))
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Fields::default();
                // Beside the list: looking through that for each of a million keys would take hours.
                let mut seen = HashSet::new();
                while let Some((key, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if !seen.insert(key.clone()) {
                        return Err(serde::de::Error::custom(format!("the key {key:?} appears twice")));
                    }
                    if fields.0.len() == MOST {
                        return Err(serde::de::Error::custom(format!("an object has more than {MOST} keys")));
                    }
                    fields.0.push((key, value));
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_field_stands_where_it_belongs_and_others_stay_as_they_are() {
        let mut fields: Fields = serde_json::from_str(r#"{"a":1.50,"manifests":[ ],"z":"\u003c"}"#).unwrap();
        fields.set_before("manifests", "artifactType", &"x/y").unwrap();
        let text = |fields: &Fields| serde_json::to_string(fields).unwrap();
        assert_eq!(
            text(&fields),
            r#"{"a":1.50,"artifactType":"x/y","manifests":[ ],"z":"\u003c"}"#
        );
        // One that is there keeps its place; without the next one it is the last.
        fields.set_before("a", "artifactType", &"v/w").unwrap();
        fields.set_before("none", "annotations", &1).unwrap();
        assert_eq!(
            text(&fields),
            r#"{"a":1.50,"artifactType":"v/w","manifests":[ ],"z":"\u003c","annotations":1}"#
        );
    }

    #[test]
    fn a_key_stands_once_and_a_hundred_thousand_are_read_at_once() {
        let twice = serde_json::from_str::<Fields>(r#"{"a":1,"b":2,"a":3}"#).unwrap_err();
        assert!(twice.to_string().contains("appears twice"), "{twice}");
        let mut keys: Vec<String> = (0..MOST).map(|key| format!("\"{key:x}\":0")).collect();
        let read = |keys: &[String]| serde_json::from_str::<Fields>(&format!("{{{}}}", keys.join(",")));
        // Compared one by one it is a matter of many minutes.
        assert_eq!(read(&keys).unwrap().keys().count(), keys.len());
        keys.push("\"more\":0".to_owned());
        assert!(read(&keys).unwrap_err().to_string().contains("more than 100000 keys"));
    }
}
