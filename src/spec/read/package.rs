//! What a manifest is made of: the keys that artifacts and attachments share, and `attachments` themselves.

use camino::Utf8PathBuf;

use super::Reader;
use super::fields::Fields;
use crate::error::Error;
use crate::oci::{MediaType, is_rfc_3339, names};
use crate::spec::keys::Scope;
use crate::spec::node::{Node, Value};
use crate::spec::problems::{At, shown};
use crate::spec::{AttachmentSpec, Form, PackageSpec};

const FORMS: &[(&str, Form)] = &[("image-1.1", Form::Image11), ("image-1.0", Form::Image10)];

/// Attachments may lie in each other this deep; a signature of an SBOM of an artifact is two.
const DEEPEST: usize = 8;

impl Reader<'_, '_> {
    /// The keys of a package that begins at `at`; without a `base` it has that of what is around it.
    pub(super) fn package(&mut self, at: At, fields: &Fields<'_>, base_around: &str) -> PackageSpec {
        let artifact_type = self.parsed("artifact-type", fields.get("artifact-type"));
        let base = fields.get("base").and_then(|node| self.given("base", node));
        let files = self.items("files", fields.get("files"));
        let files = files.iter().filter_map(|node| self.file(node)).collect();
        let config = fields.get("config").and_then(|node| self.config(node));
        let annotations = self.annotations("annotations", fields.get("annotations"), &[]);
        let created = self.created(fields.get("created"));
        if let (Some(node), true) = (fields.get("created"), annotations.contains_key(names::CREATED)) {
            let error = Error::usage(format!(
                "`created` and the annotation {} are both given",
                names::CREATED
            ));
            self.problem(node.at, error.hint("leave one of them out"));
        }
        PackageSpec {
            place: Some(self.problems.place(at)),
            artifact_type: artifact_type.map(|(value, _)| value),
            base_place: base.as_ref().map(|text| self.problems.place(text.at)),
            base: base.map_or_else(|| base_around.into(), |text| Utf8PathBuf::from(text.text)),
            files,
            config,
            annotations,
            created,
        }
    }

    /// A time; blank by a default is none.
    pub(super) fn created(&mut self, node: Option<&Node>) -> Option<String> {
        let text = self.given("created", node?)?;
        if is_rfc_3339(&text.text) {
            return Some(text.text);
        }
        let error = Error::usage(format!("`created`: {} is not a time", shown(&text.text)));
        self.problem(
            text.at,
            error.hint("write it as RFC 3339 has it, such as 2026-01-31T12:00:00Z"),
        );
        None
    }

    pub(super) fn form(&mut self, node: Option<&Node>) -> Option<Form> {
        self.choice("manifest", node?, FORMS)
    }

    /// Artifact types of referrers; `*` is all.
    pub(super) fn referrer_types(&mut self, node: Option<&Node>) -> Option<Vec<String>> {
        node?;
        let mut types = Vec::new();
        for item in self.items("include-referrers", node) {
            let Some(text) = self.given("include-referrers", &item) else {
                continue;
            };
            let known = text.text == "*"
                || self
                    .checked("include-referrers", text.at, text.text.parse::<MediaType>())
                    .is_some();
            if known {
                types.push(text.text);
            }
        }
        Some(types)
    }

    /// `attachments`, with the `base` of what they are attached to.
    pub(super) fn attachments(&mut self, node: Option<&Node>, base: &str) -> Vec<AttachmentSpec> {
        self.attachments_at(node, base, 1)
    }

    fn attachments_at(&mut self, node: Option<&Node>, base: &str, depth: usize) -> Vec<AttachmentSpec> {
        let Some(node) = node else { return Vec::new() };
        let items = match &node.value {
            Value::List(items) => items,
            Value::Broken => return Vec::new(),
            other => {
                self.wrong_kind(node.at, "attachments", "a list of maps", other);
                return Vec::new();
            }
        };
        if depth > DEEPEST {
            let error = Error::usage(format!("`attachments` lie in each other more than {DEEPEST} deep"));
            self.problem(node.at, error.hint("attach them to what is there, by `subject`"));
            return Vec::new();
        }
        let mut attachments = Vec::new();
        for item in items {
            let Some(fields) = self.fields(item, Scope::Attachment) else {
                continue;
            };
            let package = self.package(item.at, &fields, base);
            if package.files.is_empty() && package.config.is_none() && package.annotations.is_empty() {
                let error = Error::usage("an attachment has neither files nor annotations");
                self.problem(
                    item.at,
                    error.hint("name its `files`, or say in `annotations` what it tells"),
                );
            }
            let attachments_of_it = self.attachments_at(fields.get("attachments"), package.base.as_str(), depth + 1);
            attachments.push(AttachmentSpec {
                package,
                attachments: attachments_of_it,
            });
        }
        attachments
    }
}
