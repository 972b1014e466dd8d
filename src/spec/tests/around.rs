//! What stands around the files of an artifact: attachments, subjects, indexes, times, forms.

use super::*;

#[test]
fn attachments_lie_in_each_other_and_have_the_base_around_them() {
    let spec = file(
        "\
created: 2026-01-31T12:00:00Z
manifest: image-1.0
include-referrers: [application/spdx+json, '*']
artifacts:
- reference: h.io/a:v1
  base: build
  created: 2025-01-31T12:00:00+01:00
  manifest: image-1.1
  include-referrers: application/spdx+json
  attachments:
  - artifact-type: application/spdx+json
    files: [sbom.json]
    attachments:
    - artifact-type: a/signature
      base: keys
      files: s.sig
  - artifact-type: a/note
    annotations: {by: me}
",
    );
    assert_eq!(spec.created.as_deref(), Some("2026-01-31T12:00:00Z"));
    assert_eq!(spec.form, Some(Form::Image10));
    assert_eq!(spec.include_referrers.unwrap(), ["application/spdx+json", "*"]);
    let artifact = &spec.artifacts[0];
    assert_eq!(artifact.package.created.as_deref(), Some("2025-01-31T12:00:00+01:00"));
    assert_eq!(artifact.form, Some(Form::Image11));
    assert_eq!(artifact.include_referrers.as_ref().unwrap().len(), 1);
    let [sbom, note] = artifact.attachments.as_slice() else {
        panic!("{:?}", artifact.attachments)
    };
    assert_eq!(sbom.package.base, "build");
    assert_eq!(sbom.attachments[0].package.base, "keys");
    assert_eq!(sbom.attachments[0].package.files[0].path, "s.sig");
    assert_eq!(note.package.annotations["by"], "me");
    assert_eq!(sbom.package.place.as_ref().unwrap().to_string(), "s.yaml:11:5");
}

#[test]
fn a_subject_takes_the_place_of_a_reference() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let spec = file(&format!(
        "artifacts:\n- {{subject: 'h.io/a:v1', name: sbom, artifact-type: a/b}}\n- {{subject: 'h.io/b@{digest}'}}\n"
    ));
    let subject = spec.artifacts[0].subject.as_ref().unwrap();
    assert_eq!(subject.reference.to_string(), "h.io/a:v1");
    assert_eq!(spec.artifacts[0].reference.to_string(), "h.io/a");
    assert_eq!(spec.artifacts[1].name, "b");
    insta::assert_snapshot!(problems(
        "artifacts:\n- {subject: h.io/a}\n- {subject: 'h.io/a:v1', reference: 'h.io/a:v2'}\n\
         - {subject: 'h.io/c:v1', tags: [x]}\n- {name: x}\n"
    ), @r#"
    s.yaml:2:13: `subject` "h.io/a" has neither a tag nor a digest
      add :TAG or @DIGEST
    s.yaml:3:13: `subject` and `reference` are both given
      a referrer lies beside its subject: leave `reference` out
    s.yaml:4:32: a referrer has no `tags`
      it is found by its subject, and is an image manifest 1.1: leave the key out
    s.yaml:5:3: an artifact has no `reference`
      write HOST/REPOSITORY:TAG, or oci:DIRECTORY:TAG for a layout on disk
    "#);
}

#[test]
fn an_index_lists_names_tags_digests_and_references() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let spec = file(&format!(
        "\
artifacts:
- name: app
  reference: h.io/app:v1
  manifests: [amd, {{ref: arm, platform: linux/arm64, annotations: {{a: b}}}}, v1-riscv, '{digest}', 1.10,
              'h.io/app@{digest}']
- {{name: amd, reference: 'h.io/app:v1-amd64', platform: linux/amd64}}
- {{name: arm, reference: 'h.io/app:v1-arm64'}}
"
    ));
    let targets: Vec<String> = spec.artifacts[0]
        .manifests
        .iter()
        .map(|entry| match &entry.target {
            ManifestTarget::Artifact(name) => format!("artifact {name}"),
            ManifestTarget::Pointer(Pointer::Tag(tag)) => format!("tag {tag}"),
            ManifestTarget::Pointer(Pointer::Digest(_)) => "digest".to_owned(),
        })
        .collect();
    assert_eq!(
        targets,
        [
            "artifact amd",
            "artifact arm",
            "tag v1-riscv",
            "digest",
            "tag 1.10",
            "digest"
        ]
    );
    let arm = &spec.artifacts[0].manifests[1];
    assert_eq!(arm.platform.as_ref().unwrap().to_string(), "linux/arm64");
    assert_eq!(arm.annotations["a"], "b");
}

#[test]
fn indexes_in_each_other_by_the_thousand_are_no_deep_stack() {
    let chain = |last: &str| {
        let one = |at: usize| {
            format!(
                "- {{name: x{at}, reference: 'h.io/a:x{at}', manifests: [x{}]}}\n",
                at + 1
            )
        };
        let rest: String = (0..12_000).map(one).collect();
        format!("artifacts:\n{rest}- {{name: x12000, reference: 'h.io/a:x12000', manifests: [{last}]}}\n")
    };
    assert_eq!(file(&chain("y")).artifacts.len(), 12_001);
    let told = problems(&chain("x11999"));
    assert!(told.contains("x11999 lists x12000 lists x11999\n"), "{told}");
}

#[test]
fn what_an_index_can_t_be() {
    insta::assert_snapshot!(problems(
        "\
artifacts:
- {name: self, reference: 'h.io/a:v1', manifests: [self]}
- {name: one, reference: 'h.io/a:one', manifests: [two]}
- {name: two, reference: 'h.io/a:two', manifests: [three, x]}
- {name: three, reference: 'h.io/a:three', manifests: [one]}
- {name: away, reference: 'h.io/b:v1', manifests: [one, 'h.io/c:v1', 'not a tag', x, x]}
- {name: files, reference: 'h.io/c:v1', manifests: [v], files: [a], platform: linux/amd64}
- {name: none, reference: 'h.io/d:v1', manifests: []}
- {name: map, reference: 'h.io/e:v1', manifests: [{platform: linux/amd64}]}
"
    ), @r#"
    s.yaml:2:52: an index can't list itself: self lists self
      take one of these names out of `manifests`
    s.yaml:3:52: an index can't list itself: one lists two lists three lists one
      take one of these names out of `manifests`
    s.yaml:6:52: `manifests`: "one" lies in h.io/a, and an index lists what lies beside it, in h.io/b
      push it to h.io/b, or copy it there first
    s.yaml:6:57: `manifests`: "h.io/c:v1" lies in h.io/c, and an index lists what lies beside it, in h.io/b
      push it to h.io/b, or copy it there first
    s.yaml:6:70: `manifests`: "not a tag" is not a tag
      a tag has up to 128 letters, digits, '_', '.' and '-', and starts with none of the last two; ${ci.ref-slug} is a branch or tag name made safe
    s.yaml:6:86: `manifests` lists "x" twice
      keep one of them
    s.yaml:7:64: an index has no `files`
      it lists manifests: give these keys to the artifacts that it lists
    s.yaml:8:51: `manifests` is empty, and an index lists something
      list names of this spec, tags or digests
    s.yaml:9:51: an entry of `manifests` has no `ref`
      write {ref: NAME, platform: OS/ARCHITECTURE}, or the name alone
    "#);
}

#[test]
fn times_forms_and_types_are_checked() {
    insta::assert_snapshot!(problems(
        "\
created: yesterday
manifest: image-2
include-referrers: [sbom]
artifacts:
- reference: h.io/a:v1
  created: 2026-02-30T00:00:00Z
  annotations: {org.opencontainers.image.created: x}
  attachments:
  - files: [a]
  - {artifact-type: a/b}
  - a
"
    ), @r#"
    s.yaml:1:10: `created`: "yesterday" is not a time
      write it as RFC 3339 has it, such as 2026-01-31T12:00:00Z
    s.yaml:2:11: `manifest` can't be "image-2"
      did you mean image-1.1?
    s.yaml:3:21: `include-referrers`: "sbom" is not a media type
      write TYPE/SUBTYPE without parameters, such as application/json (RFC 6838)
    s.yaml:6:12: `created`: "2026-02-30T00:00:00Z" is not a time
      write it as RFC 3339 has it, such as 2026-01-31T12:00:00Z
    s.yaml:6:12: `created` and the annotation org.opencontainers.image.created are both given
      leave one of them out
    s.yaml:9:5: an attachment has no `artifact-type`
      say what it is, such as `artifact-type: application/spdx+json`
    s.yaml:10:5: an attachment has neither files nor annotations
      name its `files`, or say in `annotations` what it tells
    s.yaml:11:5: an attachment is a map of keys, and this is none
      its keys are artifact-type, base, files, config, annotations, created, attachments
    "#);
    let deep = (0..12).fold("{artifact-type: a/b, files: [x]}".to_owned(), |inner, _| {
        format!("{{artifact-type: a/b, files: [x], attachments: [{inner}]}}")
    });
    insta::assert_snapshot!(problems(&format!("artifacts: [{{reference: h.io/a, attachments: [{deep}]}}]")), @"
    s.yaml:1:422: `attachments` lie in each other more than 8 deep
      attach them to what is there, by `subject`
    ");
}

#[test]
fn entries_of_the_command_line_are_read_as_those_of_a_spec() {
    let (reference, _) = Reference::parse("h.io/app", None, crate::reference::Case::Strict).unwrap();
    let location = reference.location;
    let entry = ManifestSpec::parse("v1-arm64   linux/arm64/v8", &location, None).unwrap();
    assert_eq!(entry.platform.unwrap().to_string(), "linux/arm64/v8");
    for wrong in ["v1 linux", "h.io/other:v1", "a b c", "", "h.io/app", "sha256:12"] {
        assert!(ManifestSpec::parse(wrong, &location, None).is_err(), "{wrong}");
    }
}
