//! One entry of `artifacts`.

use std::collections::HashMap;

use super::fields::Fields;
use super::manifests::ManifestDraft;
use super::{Reader, Text};
use crate::error::Error;
use crate::reference::{Case, Host, Reference, Tag};
use crate::spec::keys::Scope;
use crate::spec::node::{Node, Value};
use crate::spec::problems::{At, shown};
use crate::spec::{ArtifactSpec, IfExists, Places, SubjectSpec, TagSpec};

/// An artifact whose name isn't settled.
pub(super) struct Draft {
    /// The artifact; its name means nothing yet.
    pub artifact: ArtifactSpec,
    /// The name it was given.
    pub name: Option<String>,
    /// Where it begins.
    pub at: At,
    /// Its `manifests`, which may name artifacts that aren't read yet.
    pub manifests: Vec<ManifestDraft>,
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
        self.check_kind(&fields, node.at);
        let name = fields.get("name").and_then(|node| self.name(node));
        let reference = fields
            .get("reference")
            .and_then(|node| self.reference("reference", node, registry));
        let subject = fields
            .get("subject")
            .and_then(|node| self.reference("subject", node, registry));
        let own = reference
            .as_ref()
            .and_then(|(reference, text)| Some((reference.tag.as_ref()?, text)));
        let tags = self.tags(fields.get("tags"), own);
        let package = self.package(node.at, &fields, "");
        let form = self.form(fields.get("manifest"));
        let manifests = self.manifests(fields.get("manifests"));
        let attachments = self.attachments(fields.get("attachments"), package.base.as_str());
        let platform = self.parsed("platform", fields.get("platform"));
        let if_exists = fields.get("if-exists").and_then(|node| self.if_exists(node));
        let output = fields.get("output").and_then(|node| self.given("output", node));
        let include_referrers = self.referrer_types(fields.get("include-referrers"));

        let place = |at: At| Some(self.problems.place(at));
        let (reference, subject, text) = match (reference, subject) {
            (Some((reference, text)), _) => (reference, None, text),
            (None, Some((subject, text))) => {
                let own = Reference {
                    location: subject.location.clone(),
                    tag: None,
                    digest: None,
                };
                let subject = SubjectSpec {
                    reference: subject,
                    platform: platform.as_ref().map(|(value, _)| value).cloned(),
                    place: place(text.at),
                };
                (own, Some(subject), text)
            }
            (None, None) => return None,
        };
        let places = Places {
            reference: place(text.at),
            artifact_type: fields.get("artifact-type").and_then(|node| place(node.at)),
            output: output.as_ref().and_then(|text| place(text.at)),
        };
        let artifact = ArtifactSpec {
            place: place(node.at),
            subject,
            tags,
            package,
            attachments,
            form,
            platform: platform.map(|(value, _)| value),
            if_exists,
            output: output.map(|text| text.text.into()),
            include_referrers,
            places,
            ..ArtifactSpec::new(reference)
        };
        Some(Draft {
            artifact,
            name,
            at: node.at,
            manifests,
        })
    }

    /// An artifact is one of files, an index, or the referrer of something: what goes with one of them only.
    fn check_kind(&mut self, fields: &Fields<'_>, at: At) {
        let given = |name: &'static str| fields.get(name).is_some();
        if !given("reference") && !given("subject") && !fields.is_meant("reference") {
            self.missing(at, "reference", Scope::Artifact);
        }
        if let (true, Some(subject)) = (given("reference"), fields.get("subject")) {
            let error = Error::usage("`subject` and `reference` are both given");
            self.problem(
                subject.at,
                error.hint("a referrer lies beside its subject: leave `reference` out"),
            );
        }
        let (index, referrer) = (given("manifests"), given("subject"));
        for (kind, held, keys) in [
            (
                "an index",
                index,
                &["files", "config", "platform", "manifest", "base"][..],
            ),
            ("a referrer", referrer, &["tags", "if-exists", "manifest", "manifests"]),
        ] {
            let wrong = keys.iter().find_map(|key| Some((key, fields.get(key)?)));
            if let (true, Some((key, node))) = (held, wrong) {
                let error = Error::usage(format!("{kind} has no `{key}`"));
                let hint = match index {
                    true => "it lists manifests: give these keys to the artifacts that it lists",
                    false => "it is found by its subject, and is an image manifest 1.1: leave the key out",
                };
                self.problem(node.at, error.hint(hint));
            }
        }
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

    fn reference(&mut self, key: &str, node: &Node, registry: Option<&Host>) -> Option<(Reference, Text)> {
        let text = self.text(key, node)?;
        if text.text.trim().is_empty() {
            self.missing(text.at, key, Scope::Artifact);
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
                    self.notice_lower_case(text.at, key, &text.text);
                }
                if key == "subject" && reference.pointer().is_none() {
                    let error = Error::usage(format!(
                        "`subject` {} has neither a tag nor a digest",
                        shown(&text.text)
                    ));
                    self.problem(text.at, error.hint("add :TAG or @DIGEST"));
                    return None;
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
        self.choice("if-exists", node, POLICIES)
    }
}
