//! One entry of `artifacts`.

use std::collections::HashMap;

use camino::Utf8PathBuf;

use super::{Reader, Text};
use crate::error::Error;
use crate::reference::{Case, Host, Reference, Tag};
use crate::spec::keys::Scope;
use crate::spec::node::{Node, Value};
use crate::spec::problems::At;
use crate::spec::{ArtifactSpec, IfExists, Places, TagSpec};

/// An artifact whose name isn't settled.
pub(super) struct Draft {
    /// The artifact; its name means nothing yet.
    pub artifact: ArtifactSpec,
    /// The name it was given.
    pub name: Option<String>,
    /// Where it begins.
    pub at: At,
}

const POLICIES: &[(&str, IfExists)] = &[
    ("replace", IfExists::Replace),
    ("skip", IfExists::Skip),
    ("fail", IfExists::Fail),
];

impl Reader<'_, '_> {
    /// `None` if its reference has a problem.
    pub(super) fn artifact(&mut self, node: &Node, registry: Option<&Host>) -> Option<Draft> {
        let fields = self.fields(node, Scope::Artifact)?;
        let name = fields.get("name").and_then(|node| self.name(node));
        let reference = fields.get("reference").and_then(|node| self.reference(node, registry));
        let own = reference
            .as_ref()
            .and_then(|(reference, text)| Some((reference.tag.as_ref()?, text)));
        let tags = self.tags(fields.get("tags"), own);
        let artifact_type = self.parsed("artifact-type", fields.get("artifact-type"));
        let base = fields.get("base").and_then(|node| self.given("base", node));
        let files = self.items("files", fields.get("files"));
        let files = files.iter().filter_map(|node| self.file(node)).collect();
        let config = fields.get("config").and_then(|node| self.config(node));
        let annotations = self.annotations("annotations", fields.get("annotations"), &[]);
        let platform = self.parsed("platform", fields.get("platform"));
        let if_exists = fields.get("if-exists").and_then(|node| self.if_exists(node));
        let output = fields.get("output").and_then(|node| self.given("output", node));

        let (reference, text) = reference?;
        let place = |at: At| Some(self.problems.place(at));
        let places = Places {
            reference: place(text.at),
            artifact_type: artifact_type.as_ref().and_then(|(_, at)| place(*at)),
            base: base.as_ref().and_then(|text| place(text.at)),
            output: output.as_ref().and_then(|text| place(text.at)),
        };
        let artifact = ArtifactSpec {
            place: place(node.at),
            tags,
            artifact_type: artifact_type.map(|(value, _)| value),
            base: base.map(|text| Utf8PathBuf::from(text.text)).unwrap_or_default(),
            files,
            config,
            platform: platform.map(|(value, _)| value),
            annotations,
            if_exists,
            output: output.map(|text| text.text.into()),
            places,
            ..ArtifactSpec::new(reference)
        };
        Some(Draft {
            artifact,
            name,
            at: node.at,
        })
    }

    fn name(&mut self, node: &Node) -> Option<String> {
        let text = self.given("name", node)?;
        if text.text.trim() != text.text {
            let error = Error::usage("`name` has blanks around it");
            self.problem(text.at, error.hint(format!("write {:?}", text.text.trim())));
            return None;
        }
        match self.given_names.get(&text.text) {
            Some(first) => self.duplicate("name", &text.text, text.at, *first),
            None => {
                self.given_names.insert(text.text.clone(), text.at);
            }
        }
        Some(text.text)
    }

    fn reference(&mut self, node: &Node, registry: Option<&Host>) -> Option<(Reference, Text)> {
        let text = self.text("reference", node)?;
        if text.text.trim().is_empty() {
            self.missing(text.at, "reference", Scope::Artifact);
            return None;
        }
        // Design: what a person wrote into a file is corrected by that person; what an input or the CI system gave
        // (a repository of GitHub may have upper case) can't be.
        let case = match self.context.file {
            Some(_) if !text.outside => Case::Strict,
            _ => Case::Fold,
        };
        match Reference::parse(&text.text, registry, case) {
            Ok((reference, folded)) => {
                if folded {
                    self.notice_lower_case(text.at, "reference", &text.text);
                }
                Some((reference, text))
            }
            Err(error) => {
                self.problem(text.at, error);
                None
            }
        }
    }

    /// The further tags; `own` is that of the reference.
    fn tags(&mut self, node: Option<&Node>, own: Option<(&Tag, &Text)>) -> Vec<TagSpec> {
        let mut tags = Vec::new();
        let mut first: HashMap<Tag, (At, bool)> = HashMap::new();
        if let Some((tag, text)) = own {
            first.insert(tag.clone(), (text.at, text.replaced));
        }
        for item in self.items("tags", node) {
            let Some((tag, if_exists, text)) = self.tag(&item) else {
                continue;
            };
            if let Some((at, replaced)) = first.get(&tag) {
                // `[latest, "${ci.tag:-}"]` may come to the same tag twice, and that is nobody's mistake.
                if !(*replaced || text.replaced) {
                    self.duplicate("tag", tag.as_str(), text.at, *at);
                }
                continue;
            }
            first.insert(tag.clone(), (text.at, text.replaced));
            tags.push(TagSpec {
                tag,
                if_exists: if_exists.unwrap_or_default(),
                place: Some(self.problems.place(text.at)),
            });
        }
        tags
    }

    fn tag(&mut self, node: &Node) -> Option<(Tag, Option<IfExists>, Text)> {
        let (text, if_exists) = match &node.value {
            Value::Map(_) => {
                let fields = self.fields(node, Scope::Tag)?;
                let if_exists = fields.get("if-exists").and_then(|node| self.if_exists(node));
                (self.given("tag", fields.get("tag")?)?, if_exists)
            }
            _ => (self.given("tags", node)?, None),
        };
        let tag = self.checked("tags", text.at, text.text.parse())?;
        Some((tag, if_exists, text))
    }

    fn if_exists(&mut self, node: &Node) -> Option<IfExists> {
        self.choice("if-exists", node, POLICIES, &[])
    }
}
