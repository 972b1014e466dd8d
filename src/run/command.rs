//! From inputs to the command: stores opened, spec planned, the right file of `ops` called.

use std::collections::HashSet;

use camino::{Utf8Path, Utf8PathBuf};

use crate::credentials::Credentials;
use crate::error::{Class, Error, Errors, Result};
use crate::http;
use crate::inputs::{Command, Inputs};
use crate::oci::{Annotations, names};
use crate::ops::{self, Context, PullItem, PullSettings, PushSettings, Shown};
use crate::plan::{CiAnnotations, Plan, Settings, Workspace};
use crate::reference::{Reference, Tag};
use crate::report::{Event, Ledger};
use crate::spec::{self, Spec};
use crate::store::Stores;
use crate::transfer::Engine;
use crate::unpack::Limits;

use super::Session;
use super::binding::bind;
use super::sources::{self, Origin};

/// What a command leaves for stdout.
pub(super) enum Output {
    /// The result, as text or JSON.
    Result,
    /// Text of its own, unless JSON is asked for.
    Text(String),
    /// Bytes that were asked for, whatever the format.
    Bytes(Vec<u8>),
}

/// Runs the command.
pub(super) async fn run(inputs: &Inputs, session: &Session<'_>, ledger: &Ledger) -> Result<Output, Errors> {
    let directory = session.env.directory().join(&inputs.working_directory);
    let workspace = Workspace::new(&directory, inputs.allow_outside)?;
    check_output_file(inputs, &directory)?;
    let run = Run {
        inputs,
        session,
        ledger,
        workspace,
    };
    match inputs.command {
        Command::Schema => Ok(Output::Bytes(spec::schema().into_bytes())),
        Command::Check => run.check(),
        Command::Push => run.push().await,
        Command::Pull => run.pull().await,
        Command::Inspect => run.inspect().await,
        Command::List => run.list().await,
        Command::Untag => run.untag().await,
        Command::Delete => run.delete().await,
    }
}

/// A result that can't be written is better known before there is one.
fn check_output_file(inputs: &Inputs, directory: &Utf8Path) -> Result<()> {
    let Some(file) = &inputs.output_file else { return Ok(()) };
    let path = directory.join(file);
    let why = if path.is_dir() {
        "this is a directory"
    } else if path.parent().is_some_and(|parent| !parent.is_dir()) {
        "its folder is not there"
    } else {
        return Ok(());
    };
    Err(Error::new(Class::Local, format!("output-file {path}: {why}"))
        .hint("name a file in a folder that is there; it is relative to `working-directory`"))
}

struct Run<'a> {
    inputs: &'a Inputs,
    session: &'a Session<'a>,
    ledger: &'a Ledger,
    workspace: Workspace,
}

impl Run<'_> {
    fn check(&self) -> Result<Output, Errors> {
        let (spec, _) = self.spec()?;
        let plan = self.plan(&spec)?;
        Ok(Output::Text(ops::check(&plan, self.ledger)))
    }

    async fn push(&self) -> Result<Output, Errors> {
        let (spec, origin) = self.spec()?;
        let plan = self.plan(&spec)?;
        let context = self.context(plan.artifacts.iter().map(|artifact| &artifact.reference), origin)?;
        let settings = PushSettings {
            force: self.inputs.force,
            mtime: self.source_date_epoch()?.unwrap_or(0),
        };
        let _group = self.group(format!("pushing {}", count(plan.artifacts.len())));
        ops::push(&plan, settings, &context).await?;
        Ok(Output::Result)
    }

    async fn pull(&self) -> Result<Output, Errors> {
        let (items, origin) = self.pull_items()?;
        let context = self.context(items.iter().map(|item| &item.reference), origin)?;
        let settings = PullSettings {
            limits: Limits {
                bytes: self.inputs.unpack_limit,
                ..Limits::default()
            },
            if_no_files_found: self.inputs.if_no_files_found,
            dry_run: self.inputs.dry_run,
        };
        let _group = self.group(format!("pulling {}", count(items.len())));
        ops::pull(&items, settings, &context).await?;
        Ok(Output::Result)
    }

    async fn inspect(&self) -> Result<Output, Errors> {
        let (reference, context) = self.single()?;
        Ok(match ops::inspect(&reference, &self.inputs.show, &context).await? {
            Shown::Text(text) => Output::Text(text),
            Shown::Bytes(bytes) => {
                self.check_bytes(&bytes)?;
                Output::Bytes(bytes)
            }
        })
    }

    /// A runner reads what its job prints: bytes of a registry's may not give it commands, and can't be escaped without
    /// being other bytes.
    fn check_bytes(&self, bytes: &[u8]) -> Result<()> {
        if !self.session.report.terminal().would_act_on(bytes) {
            return Ok(());
        }
        let error =
            Error::integrity("the bytes hold a workflow command, which the CI system would run on reading them");
        Err(error.hint("send stdout to a file: add `> FILE`; without flags, `inspect` shows a manifest escaped"))
    }

    async fn list(&self) -> Result<Output, Errors> {
        let (reference, context) = self.single()?;
        Ok(Output::Text(ops::list(&reference.location, &context).await?))
    }

    async fn untag(&self) -> Result<Output, Errors> {
        let (reference, context) = self.single()?;
        let tags: Vec<Tag> = self.inputs.tags.iter().map(|tag| tag.parse()).collect::<Result<_>>()?;
        ops::untag(&reference, &tags, &context).await?;
        Ok(Output::Result)
    }

    async fn delete(&self) -> Result<Output, Errors> {
        let (reference, context) = self.single()?;
        if self.session.asks && !self.inputs.yes && !self.inputs.dry_run {
            self.confirm(&reference).await?;
        }
        ops::delete(&reference, self.inputs.force, &context).await?;
        Ok(Output::Result)
    }

    fn spec(&self) -> Result<(Spec, Origin), Errors> {
        sources::spec(self.inputs, self.workspace.directory(), self.session)
    }

    fn plan(&self, spec: &Spec) -> Result<Plan, Errors> {
        let settings = Settings {
            workspace: self.workspace.clone(),
            if_no_files_found: self.inputs.if_no_files_found,
            ci_annotations: self.ci_annotations()?,
            annotations: self.inputs.annotations.clone(),
            if_exists: self.inputs.if_exists,
            source_date_epoch: self.source_date_epoch()?,
        };
        let plan = Plan::new(spec, &settings)?;
        for warning in &plan.warnings {
            self.session.report.warning(warning);
        }
        Ok(plan)
    }

    /// The one reference of commands that take no spec, and the context for its host.
    fn single(&self) -> Result<(Reference, Context)> {
        let reference = self.workspace.place(sources::reference(self.inputs, self.session)?);
        let context = self.context([&reference], Origin::Inputs)?;
        Ok((reference, context))
    }

    fn pull_items(&self) -> Result<(Vec<PullItem>, Origin), Errors> {
        let from = self
            .inputs
            .from
            .as_ref()
            .map(|from| sources::from(&from.value))
            .transpose()?;
        let items = match (from, &self.inputs.spec) {
            (Some(from), None) => (self.items_of(from)?, Origin::Inputs),
            (Some(from), Some(_)) => {
                let (mut spec, _) = self.spec()?;
                pin(&mut spec, &from)?;
                (self.items_of_spec(&spec)?, Origin::Inputs)
            }
            (None, _) => {
                let (spec, origin) = self.spec()?;
                (self.items_of_spec(&spec)?, origin)
            }
        };
        check_literal_paths(&items.0)?;
        Ok(items)
    }

    /// The artifacts that an earlier run pushed, each by its digest, all into one folder.
    fn items_of(&self, from: Vec<(String, Reference)>) -> Result<Vec<PullItem>> {
        let artifacts = from.into_iter().map(|(name, reference)| spec::ArtifactSpec {
            name,
            ..spec::ArtifactSpec::new(reference)
        });
        let spec = Spec {
            artifacts: artifacts.collect(),
            ..Spec::default()
        };
        let spec = sources::only(spec, &self.inputs.only)?;
        self.items_of_spec(&spec)
    }

    fn items_of_spec(&self, spec: &Spec) -> Result<Vec<PullItem>> {
        let item = |artifact: &spec::ArtifactSpec| {
            let output = artifact
                .output
                .as_ref()
                .or(self.inputs.output.as_ref())
                .unwrap_or(&artifact.base);
            // The input `output` is the user's own word and may lie anywhere.
            let path = self.workspace.directory().join(output);
            let path = if artifact.output.is_none() && self.inputs.output.is_some() {
                path
            } else {
                let place = artifact.places.output.as_ref().or(artifact.places.base.as_ref());
                self.workspace
                    .resolve(output)
                    .map_err(|error| error.at(place.cloned()))?
            };
            Ok(PullItem {
                name: artifact.name.clone(),
                place: artifact.place.clone(),
                reference: self.workspace.place(artifact.reference.clone()),
                artifact_type: artifact.artifact_type.clone(),
                files: artifact.files.clone(),
                output: path,
            })
        };
        spec.artifacts.iter().map(item).collect()
    }

    fn context<'r>(&self, references: impl IntoIterator<Item = &'r Reference>, origin: Origin) -> Result<Context> {
        let inputs = self.inputs;
        let report = self.session.report;
        let given = bind(inputs, references, origin)?;
        let credentials = Credentials::new(given, self.session.env, report)?;
        let options = http::Options {
            plain_http: inputs.plain_http.clone(),
            insecure: inputs.insecure.clone(),
            ca_file: inputs
                .ca_file
                .as_ref()
                .map(|file| self.workspace.directory().join(file)),
            retries: inputs.retries,
            idle_timeout: inputs.idle_timeout,
            concurrency: inputs.concurrency,
            trusted_realms: inputs.trusted_realms.clone(),
            ..http::Options::default()
        };
        let client = http::Client::new(&options, report)?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Context {
            stores: Stores::new(client, credentials, report.clone(), inputs.dry_run),
            engine: Engine::new(report.clone(), inputs.concurrency, threads),
            report: report.clone(),
            ledger: self.ledger.clone(),
        })
    }

    /// `SOURCE_DATE_EPOCH`, as reproducible-builds.org has it: seconds since 1970.
    fn source_date_epoch(&self) -> Result<Option<u64>> {
        let name = "SOURCE_DATE_EPOCH";
        let Some(text) = self.session.env.get(name) else {
            return Ok(None);
        };
        // The last second of the year 9999: what RFC 3339 can write.
        let seconds = text
            .trim()
            .parse()
            .ok()
            .filter(|seconds| *seconds <= 253_402_300_799_u64);
        seconds.map(Some).ok_or_else(|| {
            Error::usage(format!("{name}: {text:?} is not a number of seconds since 1970"))
                .hint("unset it, or set digits")
        })
    }

    /// By default `source`, and only for ghcr.io, where it links the package to its repository.
    fn ci_annotations(&self) -> Result<CiAnnotations> {
        let facts = self.session.ci.facts();
        let source = self.session.ci.source_url();
        let mut annotations = CiAnnotations::default();
        let Some(wanted) = &self.inputs.ci_annotations else {
            annotations.on_ghcr = source.map(|url| (names::SOURCE.to_owned(), url)).into_iter().collect();
            return Ok(annotations);
        };
        let add = |name: &str, key: &str, value: Option<String>| -> Annotations {
            if value.is_none() {
                self.session
                    .report
                    .warning(format!("`ci-annotations`: {name} is not known here and left out"));
            }
            value.map(|value| (key.to_owned(), value)).into_iter().collect()
        };
        for name in wanted {
            annotations.everywhere.extend(match name.as_str() {
                "source" => add(name, names::SOURCE, source.clone()),
                "revision" => add(name, names::REVISION, facts.get("sha").cloned()),
                "created" => add(name, names::CREATED, self.session.ci.committed()),
                other => {
                    return Err(Error::usage(format!("`ci-annotations`: {other:?} is none of them"))
                        .hint("they are source, revision and created"));
                }
            });
        }
        Ok(annotations)
    }

    /// Asks the person at the terminal.
    async fn confirm(&self, reference: &Reference) -> Result<()> {
        self.session.report.info(format!("delete {reference}? [y/N]"));
        let answer = crate::transfer::prepare::blocking(|| {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line)?;
            Ok(line)
        })
        .await?;
        if matches!(answer.trim(), "y" | "Y" | "yes") {
            return Ok(());
        }
        Err(Error::usage(format!("{reference} was not deleted")).hint("answer y, or pass --yes"))
    }

    fn group(&self, title: String) -> Group<'_> {
        self.session.report.emit(&Event::GroupStart(&title));
        Group(self.session)
    }
}

/// Ends the group when the command is over, however it ends.
struct Group<'a>(&'a Session<'a>);

impl Drop for Group<'_> {
    fn drop(&mut self) {
        self.0.report.emit(&Event::GroupEnd);
    }
}

fn count(artifacts: usize) -> String {
    format!("{artifacts} artifact{}", if artifacts == 1 { "" } else { "s" })
}

/// Replaces the references of a spec by the digests of an earlier run.
fn pin(spec: &mut Spec, from: &[(String, Reference)]) -> Result<()> {
    for artifact in &mut spec.artifacts {
        let pinned = from.iter().find(|(name, _)| *name == artifact.name);
        let (_, reference) = pinned.ok_or_else(|| {
            let names: Vec<&str> = from.iter().map(|(name, _)| name.as_str()).collect();
            Error::usage(format!("`from` has no artifact {:?}", artifact.name))
                .hint(format!("it has {}; choose with `only`", names.join(", ")))
        })?;
        artifact.reference = reference.clone();
    }
    Ok(())
}

/// What the spec alone shows to collide is found before the first request.
fn check_literal_paths(items: &[PullItem]) -> Result<()> {
    let mut seen: HashSet<Utf8PathBuf> = HashSet::new();
    for item in items {
        for file in item.files.iter().filter(|file| !file.excluded) {
            let path = item.output.join(file.title.as_deref().unwrap_or(&file.path));
            if crate::pattern::is_pattern(&file.path) || seen.insert(path.clone()) {
                continue;
            }
            let error = Error::usage(format!("artifact {:?} would write {path} a second time", item.name))
                .hint("give the artifacts different `output` folders, or pull one with `only`");
            return Err(error.at(file.place.clone().or(item.place.clone())));
        }
    }
    Ok(())
}
