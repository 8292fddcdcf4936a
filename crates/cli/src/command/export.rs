//! `keyreeve export`

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use keyreeve_engine::export::{Export, ExportAsked, ExportError, What};
use keyreeve_store::{AsOf, Store, StoreError};

use super::Context;
use crate::args::ExportSystem;
use crate::exit::{Ended, Refusal};
use crate::output::{note, write};
use crate::source::{ExportedPieces, Source};

/// Writes all of something to a file, or to standard output.
pub(crate) async fn run(context: &Context, arguments: &ExportSystem) -> anyhow::Result<Ended> {
    let ExportSystem { what, system_id, moment, .. } = arguments;
    let doing = match system_id {
        Some(system_id) => format!("exporting the {} of system {system_id}", what.as_str()),
        None => "exporting the audit log".to_owned(),
    };
    if *what != What::Audit && arguments.has_range() {
        let why = "--since, --until and --after choose rows of the audit log alone";
        return Err(Refusal::new(doing, why).hint("leave them out; --as-of chooses a moment").into());
    }
    let as_of = moment.as_of(context.clock.now())?;
    let mut export = match Source::of(context).await? {
        Source::Server(server) => {
            let asked = (*what, system_id.as_ref(), as_of, arguments.format(), context.output.is_raw());
            Pieces::There(server.export(asked, &arguments.rows()).await.with_context(|| doing.clone())?)
        }
        Source::Store(store) => {
            Pieces::Here(Box::new(begun(context, *store, arguments, as_of, &doing).await?))
        }
    };
    let Some(path) = arguments.file() else {
        let mut text = Text::default();
        while let Some(piece) = export.next(&doing).await? {
            text.write(&piece)?;
        }
        text.end()?;
        return Ok(Ended::Done);
    };
    let unwritten = |error: std::io::Error| {
        Refusal::failed(format!("writing {}", path.display()), error.to_string())
            .hint("what was there before is as it was")
    };
    let mut making = Making::begin(path).map_err(unwritten)?;
    while let Some(piece) = export.next(&doing).await? {
        making.file.write_all(&piece).map_err(unwritten)?;
    }
    making.end(path).map_err(unwritten)?;
    note(&format!("Written to {}.", path.display()));
    Ok(Ended::Done)
}

/// Begins an export of the store of this machine.
async fn begun(
    context: &Context,
    store: Store,
    arguments: &ExportSystem,
    as_of: AsOf,
    doing: &str,
) -> anyhow::Result<Export> {
    let store = Arc::new(store);
    let (what, format, raw) = (arguments.what, arguments.format(), context.output.is_raw());
    let begun = match (what, &arguments.system_id) {
        (What::Audit, _) if as_of != AsOf::Now => Err(ExportError::NoMoment(what)),
        (What::Audit, _) | (_, None) => Export::of_audit(store, arguments.rows(), format, raw).await,
        (what, Some(system_id)) => {
            let asked = ExportAsked { system_id: system_id.clone(), what, as_of, format, raw };
            Export::begin(store, asked).await
        }
    };
    begun.map_err(|error| refused(error, doing))
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

/// What is written to standard output: pieces from elsewhere may end within a letter.
#[derive(Default)]
struct Text(Vec<u8>);

impl Text {
    fn write(&mut self, piece: &[u8]) -> anyhow::Result<()> {
        self.0.extend_from_slice(piece);
        let whole = match std::str::from_utf8(&self.0) {
            Ok(text) => text.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(error) => return Err(error).context("writing the export"),
        };
        let rest = self.0.split_off(whole);
        let text = std::mem::replace(&mut self.0, rest);
        write(&String::from_utf8(text).context("writing the export")?)?;
        Ok(())
    }

    /// Nothing may be left.
    fn end(self) -> anyhow::Result<()> {
        String::from_utf8(self.0).map(|_| ()).context("writing the export")
    }
}

fn refused(error: ExportError, doing: &str) -> anyhow::Error {
    let why = error.to_string();
    match error {
        ExportError::Store(StoreError::NotImported { system_id, removed: false }) => {
            Refusal::new(doing, why).hint(format!("run: `keyreeve import run {system_id}`")).into()
        }
        ExportError::Store(error) => anyhow::Error::from(error).context(doing.to_owned()),
        ExportError::NoMoment(_) => Refusal::new(doing, why).hint("leave --as-of out").into(),
        ExportError::Unwritable(_) => Refusal::failed(doing, why).into(),
    }
}

/// A file that is not whole yet has another name, and goes when it is not ended.
struct Making {
    file: std::fs::File,
    place: PathBuf,
    ended: bool,
}

impl Making {
    fn begin(path: &Path) -> std::io::Result<Self> {
        let mut name = path.file_name().ok_or(std::io::ErrorKind::InvalidInput)?.to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let place = path.with_file_name(name);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Self { file: options.open(&place)?, place, ended: false })
    }

    fn end(mut self, path: &Path) -> std::io::Result<()> {
        self.file.sync_all()?;
        std::fs::rename(&self.place, path)?;
        self.ended = true;
        Ok(())
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        if !self.ended {
            // There is nobody to tell, and what it is about was told already.
            let _ = std::fs::remove_file(&self.place);
        }
    }
}
