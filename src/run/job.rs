//! A command that is ready to run, and its run.

use super::stdout;
use crate::env::Env;
use crate::error::Result;
use crate::oci::Platform;
use crate::ops::{
    self, Context, CopySettings, DeleteSettings, DiscoverSettings, IndexChange, PullItem, PullSettings, PushSettings,
    Show, Shown,
};
use crate::plan::Plan;
use crate::reference::{Host, Location, Reference, Tag};
use crate::report::{Event, Report};
use crate::spec::IfExists;
use crate::store::Stores;

/// What a command leaves for stdout.
pub(super) enum Output {
    /// The result, as text or JSON.
    Result,
    /// Text of its own, unless JSON is asked for.
    Text(String),
    /// Bytes that were asked for, whatever the format.
    Bytes(Vec<u8>),
}

/// A command with all that it needs.
pub(super) enum Job {
    /// It needed no server and is done.
    Done(Output),
    /// `push`.
    Push(Plan, PushSettings, Context),
    /// `pull`.
    Pull(Vec<PullItem>, PullSettings, Context),
    /// `pull` with `output: -`.
    PullToStdout(Vec<PullItem>, PullSettings, Context),
    /// `inspect`.
    Inspect(Reference, Option<Platform>, Show, Context),
    /// `discover`.
    Discover(Reference, DiscoverSettings, Context),
    /// `index` with `add` or `remove`.
    Index(Reference, IndexChange, Context),
    /// `list`; true leaves out the tags of the referrers tag schema.
    List(Location, bool, Context),
    /// `tag`.
    Tag(Reference, Vec<Tag>, IfExists, Context),
    /// `untag`; true also takes lists of referrers.
    Untag(Reference, Vec<Tag>, bool, Context),
    /// `copy`: from, to.
    Copy(Reference, Reference, CopySettings, Context),
    /// `delete`.
    Delete(Reference, DeleteSettings, Context),
    /// `login`.
    Login(Host, Env, Context),
    /// `logout`.
    Logout(Host, Env, Report),
}

impl Job {
    /// The stores that it uses, if it uses any.
    pub(super) fn stores(&self) -> Option<Stores> {
        match self {
            Job::Done(_) | Job::Logout(..) => None,
            Job::Push(.., context)
            | Job::Pull(.., context)
            | Job::PullToStdout(.., context)
            | Job::Inspect(.., context)
            | Job::Discover(.., context)
            | Job::Index(.., context)
            | Job::List(.., context)
            | Job::Tag(.., context)
            | Job::Untag(.., context)
            | Job::Copy(.., context)
            | Job::Delete(.., context)
            | Job::Login(.., context) => Some(context.stores.clone()),
        }
    }

    /// Runs the command.
    pub(super) async fn run(self) -> Result<Output> {
        match self {
            Job::Done(output) => return Ok(output),
            Job::Push(plan, settings, context) => {
                let _group = Group::start(&context.report, "pushing", plan.artifacts.len());
                ops::push(&plan, settings, &context).await?;
            }
            Job::Pull(items, settings, context) => {
                let _group = Group::start(&context.report, "pulling", items.len());
                ops::pull(&items, settings, &context).await?;
            }
            Job::PullToStdout(items, settings, context) => {
                if let Some(source) = ops::pull_to_stdout(&items, settings, &context).await? {
                    stdout::write(&source, &context.report).await?;
                }
            }
            Job::Inspect(reference, platform, show, context) => {
                return Ok(
                    match ops::inspect(&reference, platform.as_ref(), &show, &context).await? {
                        Shown::Text(text) => Output::Text(text),
                        Shown::Bytes(bytes) => {
                            stdout::check(&bytes, &context.report)?;
                            Output::Bytes(bytes)
                        }
                    },
                );
            }
            Job::Discover(reference, settings, context) => {
                return ops::discover(&reference, &settings, &context).await.map(Output::Text);
            }
            Job::List(location, exclude_digest_tags, context) => {
                let listed = ops::list(&location, exclude_digest_tags, &context).await;
                return listed.map(Output::Text);
            }
            Job::Index(reference, change, context) => ops::index(&reference, &change, &context).await?,
            Job::Tag(reference, tags, if_exists, context) => ops::tag(&reference, &tags, if_exists, &context).await?,
            Job::Untag(reference, tags, force, context) => ops::untag(&reference, &tags, force, &context).await?,
            Job::Copy(source, target, settings, context) => ops::copy(&source, &target, &settings, &context).await?,
            Job::Delete(reference, settings, context) => ops::delete(&reference, settings, &context).await?,
            Job::Login(host, env, context) => ops::login(&host, &env, &context).await?,
            Job::Logout(host, env, report) => ops::logout(&host, &env, &report).await?,
        }
        Ok(Output::Result)
    }
}

/// A group of log lines; ends when the command does, however it ends.
struct Group<'a>(&'a Report);

impl<'a> Group<'a> {
    fn start(report: &'a Report, what: &str, artifacts: usize) -> Self {
        let plural = if artifacts == 1 { "" } else { "s" };
        report.emit(&Event::GroupStart(&format!("{what} {artifacts} artifact{plural}")));
        Group(report)
    }
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        self.0.emit(&Event::GroupEnd);
    }
}
