//! Imports: read an AWS account whole, prove it, compare, and publish at once or not at all.
//!
//! [`Importer::run`] is the thin shell: it makes the calls and writes to the store. What it decides by is pure and
//! lies beside it: when a listing is whole (`listing`), whether two listings agree and what is missing
//! (`observed`), what holds after the run (`assemble`), and, in the model, what has changed and whether that is
//! suspicious.

mod assemble;
mod claimed;
pub(crate) mod collect;
mod confirm;
mod credentials;
mod documents;
mod error;
mod holdings;
pub(crate) mod listing;
mod observed;
mod population;
mod progress;
pub(crate) mod reader;
mod record;
mod run;

pub use error::ImportError;
pub use progress::{CollectionProgress, Progress, Stage, UnderWay};
pub use reader::Patience;
pub use run::{ImportRequest, Importer};
