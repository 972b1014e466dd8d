//! From texts to values. Every wrong input is found; each error names the input and its origin.

use camino::Utf8PathBuf;

use super::layers::Layer;
use super::raw::RawInputs;
use super::secrets::Secrets;
use super::{CiAnnotation, Command, Format, From, Inputs, SpecSource, value};
use crate::credentials::{Cloud, Provider};
use crate::env::Env;
use crate::error::{Error, Errors, Result};
use crate::http::{AT_ONCE, Options};
use crate::oci::Digest;
use crate::ops::{IfDenied, Show};
use crate::spec::{IfExists, IfNoFilesFound};

/// Linux passes at most 128 KiB in one variable or argument, its name included (`MAX_ARG_STRLEN`).
const SPEC_REFUSED: usize = 131_000;

/// Above this, a few more lines would make the job fail before we run.
const SPEC_WARNED: usize = 120_000;

/// Values of `auth-provider`; `auto` is to choose by the registry.
const PROVIDERS: [(&str, Option<Provider>); 6] = [
    ("auto", None),
    ("azure", Some(Provider::Azure)),
    ("aws", Some(Provider::Aws)),
    ("gcp", Some(Provider::Gcp)),
    ("quay", Some(Provider::Quay)),
    ("none", Some(Provider::None)),
];

/// The parsed inputs, and warnings about them. `earlier` are errors that were found before.
pub fn parse(
    command: Command,
    layer: &Layer,
    secrets: &Secrets,
    env: &Env,
    earlier: Vec<Error>,
) -> Result<(Inputs, Vec<String>), Errors> {
    let raw = RawInputs::new(layer)?;
    let mut reader = Reader {
        layer,
        errors: earlier,
        warnings: Vec::new(),
    };
    let inputs = reader.inputs(command, &raw, secrets, env);
    Errors::check(reader.errors)?;
    Ok((inputs, reader.warnings))
}

struct Reader<'a> {
    layer: &'a Layer,
    errors: Vec<Error>,
    warnings: Vec<String>,
}

impl Reader<'_> {
    fn inputs(&mut self, command: Command, raw: &RawInputs, secrets: &Secrets, env: &Env) -> Inputs {
        let defaults = Options::default();
        Inputs {
            command,
            spec: self.spec(raw.spec.as_deref(), raw.spec_file.as_deref()),
            only: lines(raw.only.as_deref()),
            from: raw.from.clone().map(|text| self.origin("from", text)),
            registry: self.read("registry", raw.registry.as_deref(), value::host),
            reference: self.reference("reference", raw.reference.as_deref()),
            subject: self.reference("subject", raw.subject.as_deref()),
            target: self.reference("target", raw.target.as_deref()),
            manifests: lines(raw.manifests.as_deref()),
            add: lines(raw.add.as_deref()),
            remove: lines(raw.remove.as_deref()),
            platform: self
                .read("platform", raw.platform.as_deref(), |text| {
                    value::lines(text).iter().map(|line| line.parse()).collect()
                })
                .unwrap_or_default(),
            include_referrers: self
                .read(
                    "include-referrers",
                    raw.include_referrers.as_deref(),
                    value::referrer_types,
                )
                .unwrap_or_default(),
            recursive: self.flag("recursive", raw.recursive.as_deref()),
            depth: self.read("depth", raw.depth.as_deref(), |text| value::number(text, 1, 1000)),
            exclude_digest_tags: self.flag("exclude-digest-tags", raw.exclude_digest_tags.as_deref()),
            files: lines(raw.files.as_deref()),
            artifact_type: self.read("artifact-type", raw.artifact_type.as_deref(), str::parse),
            annotations: self
                .read("annotations", raw.annotations.as_deref(), value::pairs)
                .unwrap_or_default(),
            tags: lines(raw.tags.as_deref()),
            output: path(raw.output.as_deref()),
            username: text(raw.username.as_deref()),
            password: secrets.get("password"),
            password_stdin: self.layer.contains_key("password-stdin"),
            token: secrets.get("token"),
            registry_token: secrets.get("registry-token"),
            github_token: secrets.get("github-token"),
            auth: raw.auth.clone().map(|text| self.origin("auth", text)),
            cloud: self.cloud(raw),
            trusted_realms: self
                .read("trusted-realms", raw.trusted_realms.as_deref(), value::hosts)
                .unwrap_or_default(),
            vars: self.read("vars", raw.vars.as_deref(), value::pairs).unwrap_or_default(),
            if_exists: self.read("if-exists", raw.if_exists.as_deref(), if_exists),
            if_no_files_found: self
                .read("if-no-files-found", raw.if_no_files_found.as_deref(), if_no_files_found)
                .unwrap_or_default(),
            if_denied: self
                .read("if-denied", raw.if_denied.as_deref(), |text| {
                    value::choice(text, &[("fail", IfDenied::Fail), ("skip", IfDenied::Skip)])
                })
                .unwrap_or_default(),
            // `rules` knows.
            withheld: false,
            force: self.flag("force", raw.force.as_deref()),
            dry_run: self.flag("dry-run", raw.dry_run.as_deref()),
            allow_outside: self.flag("allow-outside", raw.allow_outside.as_deref()),
            ci_annotations: self.read("ci-annotations", raw.ci_annotations.as_deref(), ci_annotations),
            concurrency: self.read("concurrency", raw.concurrency.as_deref(), |text| {
                value::number(text, 1, AT_ONCE)
            }),
            retries: self
                .read("retries", raw.retries.as_deref(), |text| value::number(text, 0, 100))
                .unwrap_or(defaults.retries),
            idle_timeout: self
                .read("idle-timeout", raw.idle_timeout.as_deref(), value::duration)
                .unwrap_or(defaults.idle_timeout),
            timeout: self.read("timeout", raw.timeout.as_deref(), value::duration),
            unpack_limit: self.read("unpack-limit", raw.unpack_limit.as_deref(), value::bytes),
            plain_http: self
                .read("plain-http", raw.plain_http.as_deref(), value::hosts)
                .unwrap_or_default(),
            insecure: self
                .read("insecure", raw.insecure.as_deref(), value::hosts)
                .unwrap_or_default(),
            ca_file: path(raw.ca_file.as_deref()),
            client_cert: path(raw.client_cert.as_deref()),
            client_key: path(raw.client_key.as_deref()),
            working_directory: path(raw.working_directory.as_deref()).unwrap_or_else(|| ".".into()),
            output_file: path(raw.output_file.as_deref()),
            variables_file: path(raw.variables_file.as_deref()),
            variable_prefix: self
                .read(
                    "variable-prefix",
                    raw.variable_prefix.as_deref(),
                    value::variable_prefix,
                )
                .unwrap_or_else(|| super::VARIABLE_PREFIX.to_owned()),
            format: self
                .read("format", raw.format.as_deref(), |text| {
                    value::choice(text, &[("text", Format::Text), ("json", Format::Json)])
                })
                .unwrap_or_default(),
            summary: self
                .read("summary", raw.summary.as_deref(), value::boolean)
                .unwrap_or(true),
            debug: self
                .read("log-level", raw.log_level.as_deref(), |text| {
                    value::choice(text, &[("info", false), ("debug", true)])
                })
                // GitHub sets it where a job is run again with debug logging.
                .unwrap_or_else(|| env.get("RUNNER_DEBUG") == Some("1")),
            show: self.show(raw),
            yes: self.flag("yes", raw.yes.as_deref()),
        }
    }

    fn cloud(&mut self, raw: &RawInputs) -> Cloud {
        let provider = self.read("auth-provider", raw.auth_provider.as_deref(), |text| {
            value::choice(text, &PROVIDERS)
        });
        Cloud {
            provider: provider.flatten(),
            host: None,
            azure_client_id: text(raw.azure_client_id.as_deref()),
            azure_tenant_id: text(raw.azure_tenant_id.as_deref()),
            aws_role_arn: text(raw.aws_role_arn.as_deref()),
            aws_region: text(raw.aws_region.as_deref()),
            gcp_workload_identity_provider: text(raw.gcp_workload_identity_provider.as_deref()),
            gcp_service_account: text(raw.gcp_service_account.as_deref()),
            quay_robot: text(raw.quay_robot.as_deref()),
        }
    }

    fn read<T>(&mut self, name: &str, text: Option<&str>, read: impl FnOnce(&str) -> Result<T>) -> Option<T> {
        match read(text?.trim()) {
            Ok(value) => Some(value),
            Err(error) => {
                let origin = self.layer.get(name).map_or("", |given| &given.origin);
                self.errors.push(error.context(format_args!("input {name} ({origin})")));
                None
            }
        }
    }

    fn reference(&self, name: &str, text: Option<&str>) -> Option<From<String>> {
        text.map(|text| self.origin(name, text.trim().to_owned()))
    }

    fn flag(&mut self, name: &str, text: Option<&str>) -> bool {
        self.read(name, text, value::boolean).unwrap_or_default()
    }

    fn origin<T>(&self, name: &str, value: T) -> From<T> {
        let origin = self
            .layer
            .get(name)
            .map(|given| given.origin.clone())
            .unwrap_or_default();
        From { value, origin }
    }

    fn spec(&mut self, text: Option<&str>, file: Option<&str>) -> Option<From<SpecSource>> {
        let Some(text) = text else {
            return file.map(|file| self.origin("spec-file", SpecSource::File(file.trim().into())));
        };
        self.read("spec", Some(text), |_| too_long(text));
        if (SPEC_WARNED..=SPEC_REFUSED).contains(&text.len()) {
            self.warnings.push(format!(
                "the spec has {} bytes; Linux passes at most 128 KiB in a variable, and a longer one fails the job \
                 before this program starts: put it into a file and name it with spec-file",
                text.len()
            ));
        }
        Some(self.origin("spec", SpecSource::Inline(text.to_owned())))
    }

    fn show(&mut self, raw: &RawInputs) -> Show {
        let shows = [
            (&raw.raw, Show::Raw),
            (&raw.descriptor, Show::Descriptor),
            (&raw.digest, Show::Digest),
            (&raw.config, Show::Config),
        ];
        let blob = self.read("blob", raw.blob.as_deref(), digest).map(Show::Blob);
        let chosen = shows.into_iter().find(|(text, _)| text.is_some()).map(|(_, show)| show);
        blob.or(chosen).unwrap_or_default()
    }
}

fn too_long(spec: &str) -> Result<()> {
    if spec.len() <= SPEC_REFUSED {
        return Ok(());
    }
    Err(Error::usage(format!(
        "the spec has {} bytes, and one passed as text may have {SPEC_REFUSED}: Linux limits a variable to 128 KiB",
        spec.len()
    ))
    .hint("put the spec into a file and name it with spec-file"))
}

fn lines(text: Option<&str>) -> Vec<String> {
    text.map(value::lines).unwrap_or_default()
}

fn text(text: Option<&str>) -> Option<String> {
    text.map(|text| text.trim().to_owned())
}

fn path(text: Option<&str>) -> Option<Utf8PathBuf> {
    text.map(|text| Utf8PathBuf::from(text.trim()))
}

fn if_exists(text: &str) -> Result<IfExists> {
    let choices = [
        ("replace", IfExists::Replace),
        ("skip", IfExists::Skip),
        ("fail", IfExists::Fail),
    ];
    value::choice(text, &choices)
}

fn if_no_files_found(text: &str) -> Result<IfNoFilesFound> {
    let choices = [
        ("error", IfNoFilesFound::Error),
        ("warn", IfNoFilesFound::Warn),
        ("ignore", IfNoFilesFound::Ignore),
    ];
    value::choice(text, &choices)
}

fn ci_annotations(text: &str) -> Result<Vec<CiAnnotation>> {
    let names = value::lines(text);
    if names == ["none"] {
        return Ok(Vec::new());
    }
    let known = [
        ("source", CiAnnotation::Source),
        ("revision", CiAnnotation::Revision),
        ("created", CiAnnotation::Created),
    ];
    let find = |name: &String| {
        known
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, annotation)| *annotation)
    };
    let read = |name: &String| {
        find(name).ok_or_else(|| {
            Error::usage(format!("{name:?} is unknown"))
                .hint("write some of source, revision, created, one a line, or none alone")
        })
    };
    names.iter().map(read).collect()
}

/// A digest that the user wrote: a wrong one is a mistake, not damage.
fn digest(text: &str) -> Result<Digest> {
    text.parse().map_err(|error: Error| {
        let hint = error.way_out().unwrap_or_default().to_owned();
        Error::usage(error.message()).hint(hint)
    })
}
