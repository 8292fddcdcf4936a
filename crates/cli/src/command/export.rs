//! `keyreeve export`

mod object;
mod place;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use keyreeve_engine::export::{Export, ExportAsked, ExportError, Format, What, says_nothing};
use keyreeve_model::{ImportRunId, SystemId};
use keyreeve_store::{AsOf, Store, StoreError};

use self::place::Place;
use super::Context;
use crate::args::ExportSystem;
use crate::exit::{Ended, Refusal};
use crate::output::note;
use crate::source::{ExportedPieces, Server, Source};

/// Writes all of something to a file, or to standard output.
pub(crate) async fn run(context: &Context, arguments: &ExportSystem) -> anyhow::Result<Ended> {
    let what = arguments.what.0.as_slice();
    checked(arguments)?;
    let as_of = arguments.moment.as_of(context.clock.now())?;
    if let Some(of_now) = what.iter().find(|what| as_of != AsOf::Now && !what.is_of_a_run()) {
        return Err(refused(ExportError::NoMoment(*of_now), &doing(what, &Of::Everything)));
    }
    let to = arguments.to.as_deref().filter(|path| path.as_os_str() != "-");
    let is_file = |path: &Path| path.extension().is_some_and(|end| end == arguments.format().as_str());
    // All systems share a file where one is named, or none: each row says which one it is of.
    let in_one = what.len() == 1 && to.is_none_or(is_file);
    let many = what.len() > 1 || (arguments.all_systems && !in_one);
    let place = Place::of(context, to, many).await?;
    let from = match Source::of(context).await? {
        Source::Server(server) => Origin::Server(server),
        Source::Store(store) => Origin::Store(Arc::new(*store)),
    };
    let exporting = Exporting { context, arguments, as_of, place };
    for what in what {
        for of in exporting.scopes(&from, *what).await? {
            exporting.one(&from, *what, &of).await?;
        }
    }
    Ok(Ended::Done)
}

/// What does not go together.
fn checked(arguments: &ExportSystem) -> anyhow::Result<()> {
    let what = arguments.what.0.as_slice();
    let only_audit = what == [What::Audit];
    if arguments.has_range() && !only_audit {
        let why = "--since, --until and --after choose rows of the audit log alone";
        return Err(Refusal::new(doing(what, &Of::Everything), why)
            .hint("leave them out; --as-of chooses a moment")
            .into());
    }
    if arguments.system_id.is_none() && !arguments.all_systems && !only_audit {
        let why = "it is not said of which system";
        return Err(Refusal::new(doing(what, &Of::Everything), why)
            .hint("give its System ID, or --all-systems")
            .into());
    }
    Ok(())
}

/// Of what one file tells.
#[derive(Debug, Clone)]
enum Of {
    /// Of one system. Of several, what says nothing yet is passed over.
    System { id: SystemId, among_others: bool },
    /// Of all systems together.
    Everything,
}

impl Of {
    fn is_among_others(&self) -> bool {
        matches!(self, Self::System { among_others: true, .. })
    }
}

/// Where it comes from.
enum Origin {
    Store(Arc<Store>),
    Server(Server),
}

/// What is exported, and where to.
struct Exporting<'a> {
    context: &'a Context,
    arguments: &'a ExportSystem,
    as_of: AsOf,
    place: Place,
}

impl Exporting<'_> {
    /// The files of a table.
    async fn scopes(&self, from: &Origin, what: What) -> anyhow::Result<Vec<Of>> {
        if let Some(id) = &self.arguments.system_id {
            return Ok(vec![Of::System { id: id.clone(), among_others: false }]);
        }
        // What is about no system is in the audit log too.
        if what == What::Audit || !self.place.is_folder() {
            return Ok(vec![Of::Everything]);
        }
        if let AsOf::Run(_) = self.as_of {
            return Err(refused(ExportError::OneRun, &doing(&[what], &Of::Everything)));
        }
        let removed = self.as_of != AsOf::Now;
        let systems = match from {
            Origin::Store(store) => store.list_systems(removed).await?,
            Origin::Server(server) => server.systems(removed).await?,
        };
        let of = |id| Of::System { id, among_others: true };
        Ok(systems.into_iter().map(|system| of(system.system_id)).collect())
    }

    /// One file, from its beginning to its end.
    async fn one(&self, from: &Origin, what: What, of: &Of) -> anyhow::Result<()> {
        let doing = doing(&[what], of);
        let Some(mut export) = self.begun(from, what, of, &doing).await? else { return Ok(()) };
        let name = match self.place.is_folder() {
            true => self.name(from, what, of, &export).await?,
            false => String::new(),
        };
        let is_text = self.arguments.format() != Format::Parquet;
        let mut sink = self.place.begin(&name)?;
        loop {
            let written = match export.next(&doing).await {
                Ok(Some(piece)) => sink.write(&piece, is_text).await,
                Ok(None) => return sink.end().await,
                Err(error) => Err(error),
            };
            if let Err(error) = written {
                sink.abandon().await;
                return Err(error);
            }
        }
    }

    /// Begins an export; `None` of a system among others of which nothing is known.
    async fn begun(&self, from: &Origin, what: What, of: &Of, doing: &str) -> anyhow::Result<Option<Pieces>> {
        let (format, raw, as_of) = (self.arguments.format(), self.context.output.is_raw(), self.as_of);
        let id = match of {
            Of::System { id, .. } => Some(id),
            Of::Everything => None,
        };
        let rows = self.arguments.rows(id);
        let store = match from {
            Origin::Server(_) if id.is_none() && what != What::Audit => {
                let why = "a server gives one system at a time";
                return Err(Refusal::new(doing, why)
                    .hint("name a folder, with a file for each system: --to FOLDER/")
                    .into());
            }
            Origin::Server(server) => {
                let asked = (what, id, as_of, format, raw);
                let pieces = server.export(asked, &rows, of.is_among_others()).await;
                return Ok(pieces.with_context(|| doing.to_owned())?.map(Pieces::There));
            }
            Origin::Store(store) => Arc::clone(store),
        };
        let begun = match (what, id) {
            (What::Audit, _) if as_of != AsOf::Now => Err(ExportError::NoMoment(what)),
            (What::Audit, _) => Export::of_audit(store, rows, format, raw).await,
            (what, None) => Export::of_all(store, (what, as_of), format, raw).await,
            (what, Some(system_id)) => {
                let asked = ExportAsked { system_id: system_id.clone(), what, as_of, format, raw };
                Export::begin(store, asked).await
            }
        };
        match begun {
            Ok(export) => Ok(Some(Pieces::Here(Box::new(export.made_at(self.context.clock.now()))))),
            Err(ExportError::Store(error)) if of.is_among_others() && says_nothing(what, &error) => {
                note(&format!("Passed over: {}.", error.to_string().trim_end_matches('.')));
                Ok(None)
            }
            Err(error) => Err(refused(error, doing)),
        }
    }

    /// Where a file lies in a folder: a warehouse reads the parts as columns.
    async fn name(&self, from: &Origin, what: What, of: &Of, export: &Pieces) -> anyhow::Result<String> {
        let (run, published_at) = match export {
            Pieces::Here(export) => (export.run(), export.published_at()),
            Pieces::There(pieces) => match (pieces.run(), from) {
                (Some(run), Origin::Server(server)) => {
                    (Some(run), server.import_run(run).await?.published_at)
                }
                (run, _) => (run, None),
            },
        };
        let at = published_at.unwrap_or_else(|| self.context.clock.now());
        let system = match of {
            Of::System { id, .. } => Some(id),
            Of::Everything => None,
        };
        Ok(named(what, system, at, run, self.arguments.format()))
    }
}

fn named(
    what: What,
    system: Option<&SystemId>,
    at: Timestamp,
    run: Option<ImportRunId>,
    format: Format,
) -> String {
    let system = system.map(|id| format!("/system={id}")).unwrap_or_default();
    let date = TimeZone::UTC.to_datetime(at).date();
    let run = run.map(|run| format!("/run={run}")).unwrap_or_default();
    format!("{}{system}/date={date}{run}/all.{}", what.as_str(), format.as_str())
}

fn doing(what: &[What], of: &Of) -> String {
    let tables: Vec<&str> = what.iter().map(|what| what.as_str()).collect();
    match of {
        Of::System { id, .. } => format!("exporting the {} of system {id}", tables.join(", ")),
        Of::Everything if what == [What::Audit] => "exporting the audit log".to_owned(),
        Of::Everything => format!("exporting the {}", tables.join(", ")),
    }
}

/// An export, wherever it is made.
enum Pieces {
    Here(Box<Export>),
    There(ExportedPieces),
}

impl Pieces {
    async fn next(&mut self, doing: &str) -> anyhow::Result<Option<Vec<u8>>> {
        match self {
            Self::Here(export) => export.next().await.map_err(|error| refused(error, doing)),
            Self::There(pieces) => pieces.next().await.with_context(|| doing.to_owned()),
        }
    }
}

fn refused(error: ExportError, doing: &str) -> anyhow::Error {
    let why = error.to_string();
    match error {
        ExportError::Store(StoreError::NotImported { system_id, removed: false }) => {
            Refusal::new(doing, why).hint(format!("run: `keyreeve import run {system_id}`")).into()
        }
        ExportError::Store(error) => anyhow::Error::from(error).context(doing.to_owned()),
        ExportError::NoMoment(_) => Refusal::new(doing, why)
            .hint("leave --as-of out, or export only accounts, resources, assignments and changes")
            .into(),
        ExportError::OneRun => {
            Refusal::new(doing, why).hint("name its system, or give a time in the place of the run").into()
        }
        ExportError::NoSystem(_) => {
            Refusal::new(doing, why).hint("add one, and run an import: `keyreeve system add`").into()
        }
        ExportError::Unwritable(_) => Refusal::failed(doing, why).into(),
    }
}
