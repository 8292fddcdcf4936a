//! Where exports go: to standard output, or to files and objects that are whole or not there.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::object::{Objects, Sending};
use crate::command::Context;
use crate::exit::Refusal;
use crate::output::{note, write, write_bytes};

/// Where to.
#[derive(Debug)]
pub(crate) enum Place {
    /// To standard output.
    Out,
    /// To this file.
    File(PathBuf),
    /// To files below this folder.
    Folder(PathBuf),
    /// To a bucket of S3, or of what speaks as S3 does.
    Objects(Objects),
}

impl Place {
    /// What was asked for, or standard output. More than one file needs a folder.
    pub(crate) async fn of(context: &Context, to: Option<&Path>, many: bool) -> anyhow::Result<Self> {
        let Some(path) = to else {
            if many {
                let why = "more than one table, and standard output is one file";
                let hint = "name a folder: --to FOLDER/";
                return Err(Refusal::new("exporting", why).hint(hint).into());
            }
            return Ok(Self::Out);
        };
        if let Some(address) = path.to_str().and_then(|path| path.strip_prefix("s3://")) {
            return Ok(Self::Objects(Objects::of(context, address, many).await?));
        }
        let ends = path.as_os_str().as_encoded_bytes().ends_with(b"/");
        let folder = many || ends || path.is_dir();
        Ok(if folder { Self::Folder(path.to_owned()) } else { Self::File(path.to_owned()) })
    }

    /// Whether each export has a name of its own there.
    pub(crate) fn is_folder(&self) -> bool {
        match self {
            Self::Out | Self::File(_) => false,
            Self::Folder(_) => true,
            Self::Objects(objects) => objects.are_many(),
        }
    }

    /// Begins to write; `name` is where it lies in a folder, with `/` between its parts.
    pub(crate) fn begin(&self, name: &str) -> anyhow::Result<Sink> {
        match self {
            Self::Out => Ok(Sink::Out(Text::default())),
            Self::File(path) => Ok(Sink::File(Making::begin(path)?)),
            Self::Objects(objects) => Ok(Sink::Object(Box::new(objects.begin(name)?))),
            Self::Folder(folder) => {
                let path = name.split('/').fold(folder.clone(), |path, part| path.join(part));
                if let Some(folder) = path.parent() {
                    made(folder).map_err(|error| {
                        Refusal::failed(format!("making the folder {}", folder.display()), error.to_string())
                    })?;
                }
                Ok(Sink::File(Making::begin(&path)?))
            }
        }
    }
}

/// Folders that nobody else can look into.
fn made(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// What an export is written to.
pub(crate) enum Sink {
    /// Standard output.
    Out(Text),
    /// A file.
    File(Making),
    /// An object.
    Object(Box<Sending>),
}

impl Sink {
    pub(crate) async fn write(&mut self, piece: &[u8], is_text: bool) -> anyhow::Result<()> {
        match self {
            Self::Out(text) if is_text => text.write(piece),
            Self::Out(_) => write_bytes(piece),
            Self::File(making) => making.write(piece),
            Self::Object(sending) => sending.write(piece).await,
        }
    }

    /// All is written.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        match self {
            Self::Out(text) => text.end(),
            Self::File(making) => making.end(),
            Self::Object(sending) => sending.end().await,
        }
    }

    /// It will not be whole: nothing of it stays.
    pub(crate) async fn abandon(self) {
        match self {
            Self::Out(_) | Self::File(_) => {}
            Self::Object(sending) => sending.abandon().await,
        }
    }
}

/// What is written to standard output: pieces from elsewhere may end within a letter.
#[derive(Default)]
pub(crate) struct Text(Vec<u8>);

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

/// A file that is not whole yet has another name, and goes when it is not ended.
pub(crate) struct Making {
    file: std::fs::File,
    path: PathBuf,
    place: PathBuf,
    ended: bool,
}

impl Making {
    fn begin(path: &Path) -> anyhow::Result<Self> {
        let begin = || {
            if std::fs::symlink_metadata(path).is_ok_and(|there| !there.is_file()) {
                let why = "what is there is no file, and is not replaced";
                return Err(std::io::Error::new(ErrorKind::AlreadyExists, why));
            }
            let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            // An export that was killed has left its part, and numbers of processes come again.
            let mut number = 0;
            let (file, place) = loop {
                let mut name = name.to_owned();
                name.push(format!(".{}-{number}.part", std::process::id()));
                let place = path.with_file_name(name);
                match options.open(&place) {
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
                    opened => break (opened?, place),
                }
            };
            Ok(Self { file, path: path.to_owned(), place, ended: false })
        };
        begin().map_err(|error| unwritten(path, &error))
    }

    fn write(&mut self, piece: &[u8]) -> anyhow::Result<()> {
        self.file.write_all(piece).map_err(|error| unwritten(&self.path, &error))
    }

    fn end(mut self) -> anyhow::Result<()> {
        let done = self.file.sync_all().and_then(|()| std::fs::rename(&self.place, &self.path));
        done.map_err(|error| unwritten(&self.path, &error))?;
        self.ended = true;
        note(&format!("Written to {}.", self.path.display()));
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

fn unwritten(path: &Path, error: &std::io::Error) -> anyhow::Error {
    Refusal::failed(format!("writing {}", path.display()), error.to_string())
        .hint("what was there before is as it was")
        .into()
}
