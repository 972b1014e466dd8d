//! From inputs to a job: spec read and planned, credentials bound, stores ready. All of it blocks, and none of it asks
//! a server; [`Job::run`] then does the rest.

use camino::Utf8Path;

use crate::credentials::AuthList;
use crate::error::{Class, Error, Errors, Result};
use crate::inputs::{Command, Inputs};
use crate::ops::{
    self, Context, CopySettings, DeleteSettings, DiscoverSettings, IndexChange, PullSettings, PushSettings,
};
use crate::plan::Workspace;
use crate::reference::{Host, Reference, Tag};
use crate::report::Ledger;
use crate::spec::{self, Spec};
use crate::unpack::Limits;

use super::Session;
use super::deliver::output_file;
use super::job::{Job, Output};
use super::sources::{self, Origin};

/// Makes the job that the inputs ask for.
pub(super) fn prepare(inputs: &Inputs, session: &Session<'_>, ledger: &Ledger) -> Result<Job, Errors> {
    let directory = session.env.directory().join(&inputs.working_directory);
    // First, as it masks the secrets in it.
    let auth = match &inputs.auth {
        Some(auth) => AuthList::read(&auth.value, &auth.origin, session.env, session.report)?,
        None => AuthList::default(),
    };
    let workspace = Workspace::new(&directory, inputs.allow_outside)?;
    check_output_file(inputs, &directory)?;
    let run = Run {
        inputs,
        session,
        ledger,
        workspace,
        auth,
    };
    match inputs.command {
        Command::Schema => Ok(Job::Done(Output::Bytes(spec::schema().into_bytes()))),
        Command::Check => run.check(),
        Command::Push => run.push(),
        Command::Pull => run.pull(),
        Command::Attach => run.attach(),
        Command::Discover => run.discover(),
        Command::Inspect => run.inspect(),
        Command::Index => run.index(),
        Command::List => run.list(),
        Command::Tag => run.tag(),
        Command::Untag => run.untag(),
        Command::Copy => run.copy(),
        Command::Delete => run.delete(),
        Command::Login => run.login(),
        Command::Logout => Ok(Job::Logout(
            run.registry()?,
            run.session.env.clone(),
            run.session.report.clone(),
        )),
    }
}

/// A result that can't be written is better known before there is one.
fn check_output_file(inputs: &Inputs, directory: &Utf8Path) -> Result<()> {
    let Some(file) = &inputs.output_file else { return Ok(()) };
    let path = output_file(file, directory)?;
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

/// What the preparation of a command keeps at hand.
pub(super) struct Run<'a> {
    pub(super) inputs: &'a Inputs,
    pub(super) session: &'a Session<'a>,
    pub(super) ledger: &'a Ledger,
    pub(super) workspace: Workspace,
    pub(super) auth: AuthList,
}

impl Run<'_> {
    fn check(&self) -> Result<Job, Errors> {
        let (spec, _) = self.spec()?;
        let plan = self.plan(&spec)?;
        Ok(Job::Done(Output::Text(ops::check(&plan, self.ledger))))
    }

    fn push(&self) -> Result<Job, Errors> {
        let (spec, origin) = self.spec()?;
        self.pushed(&spec, origin)
    }

    fn attach(&self) -> Result<Job, Errors> {
        self.pushed(&sources::attachment(self.inputs, self.session)?, Origin::Inputs)
    }

    fn index(&self) -> Result<Job, Errors> {
        let reference = sources::reference(self.inputs, self.session)?;
        if self.inputs.add.is_empty() && self.inputs.remove.is_empty() {
            return self.pushed(&sources::index(self.inputs, reference)?, Origin::Inputs);
        }
        let location = reference.location.clone();
        let reference = self.workspace.place(reference);
        let context = self.context([&reference], Origin::Inputs)?;
        let change = IndexChange {
            add: sources::manifests(&self.inputs.add, &location, self.inputs)?,
            remove: sources::pointers(&self.inputs.remove, &location, self.inputs)?,
            artifact_type: self.inputs.artifact_type.as_ref().map(ToString::to_string),
            annotations: self.inputs.annotations.clone(),
            tags: self.tags()?,
        };
        Ok(Job::Index(reference, change, context))
    }

    /// Pushes what `spec` describes.
    fn pushed(&self, spec: &Spec, origin: Origin) -> Result<Job, Errors> {
        let plan = self.plan(spec)?;
        let context = self.context(plan.artifacts.iter().map(|artifact| &artifact.reference), origin)?;
        let settings = PushSettings {
            force: self.inputs.force,
            if_denied: self.inputs.if_denied,
            restricted: self.session.ci.restricted(),
            withheld: self.inputs.withheld,
            mtime: self.source_date_epoch()?.unwrap_or(0),
        };
        Ok(Job::Push(plan, settings, context))
    }

    fn pull(&self) -> Result<Job, Errors> {
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
        if self.inputs.to_stdout() {
            return Ok(Job::PullToStdout(items, settings, context));
        }
        Ok(Job::Pull(items, settings, context))
    }

    fn inspect(&self) -> Result<Job, Errors> {
        let (reference, context) = self.single()?;
        let platform = self.inputs.platform.first().cloned();
        Ok(Job::Inspect(reference, platform, self.inputs.show.clone(), context))
    }

    fn discover(&self) -> Result<Job, Errors> {
        let (reference, context) = self.single()?;
        let settings = DiscoverSettings {
            artifact_type: self.inputs.artifact_type.clone(),
            depth: self.inputs.depth,
            platform: self.inputs.platform.first().cloned(),
        };
        Ok(Job::Discover(reference, settings, context))
    }

    fn list(&self) -> Result<Job, Errors> {
        let (reference, context) = self.single()?;
        Ok(Job::List(reference.location, self.inputs.exclude_digest_tags, context))
    }

    fn tag(&self) -> Result<Job, Errors> {
        let (reference, context) = self.single()?;
        let if_exists = self.inputs.if_exists.unwrap_or_default();
        Ok(Job::Tag(reference, self.tags()?, if_exists, context))
    }

    fn copy(&self) -> Result<Job, Errors> {
        let source = self.workspace.place(sources::reference(self.inputs, self.session)?);
        let target = sources::parsed(self.inputs.target.as_ref(), self.inputs, self.session)?;
        let target = self.workspace.place(target);
        let context = self.context([&source, &target], Origin::Inputs)?;
        let settings = CopySettings {
            recursive: self.inputs.recursive,
            platforms: self.inputs.platform.clone(),
            tags: self.tags()?,
            if_exists: self.inputs.if_exists.unwrap_or_default(),
            force: self.inputs.force,
        };
        Ok(Job::Copy(source, target, settings, context))
    }

    fn untag(&self) -> Result<Job, Errors> {
        let (reference, context) = self.single()?;
        Ok(Job::Untag(reference, self.tags()?, self.inputs.force, context))
    }

    fn tags(&self) -> Result<Vec<Tag>> {
        self.inputs.tags.iter().map(|tag| tag.parse()).collect()
    }

    fn delete(&self) -> Result<Job, Errors> {
        let (reference, context) = self.single()?;
        if self.session.asks && !self.inputs.yes && !self.inputs.dry_run {
            self.confirm(&reference)?;
        }
        let settings = DeleteSettings {
            force: self.inputs.force,
            recursive: self.inputs.recursive,
        };
        Ok(Job::Delete(reference, settings, context))
    }

    fn login(&self) -> Result<Job, Errors> {
        let host = self.registry()?;
        let context = self.context_to_log_in(&host)?;
        Ok(Job::Login(host, self.session.env.clone(), context))
    }

    pub(super) fn report(&self) -> &crate::report::Report {
        self.session.report
    }

    /// The registry of `login` and `logout`.
    fn registry(&self) -> Result<Host> {
        self.inputs.registry.clone().ok_or_else(|| {
            let command = self.inputs.command.name();
            Error::usage(format!("{command} needs a registry"))
                .hint(format!("oci-artifact {command} HOST, or set the input registry"))
        })
    }

    pub(super) fn spec(&self) -> Result<(Spec, Origin), Errors> {
        sources::spec(self.inputs, self.workspace.directory(), self.session)
    }

    /// The one reference of commands that take no spec, and the context for its host.
    fn single(&self) -> Result<(Reference, Context)> {
        let reference = self.workspace.place(sources::reference(self.inputs, self.session)?);
        let context = self.context([&reference], Origin::Inputs)?;
        Ok((reference, context))
    }

    /// Asks the person at the terminal.
    fn confirm(&self, reference: &Reference) -> Result<()> {
        self.session.report.info(format!("delete {reference}? [y/N]"));
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        if matches!(answer.trim(), "y" | "Y" | "yes") {
            return Ok(());
        }
        Err(Error::usage(format!("{reference} was not deleted")).hint("answer y, or pass --yes"))
    }
}
