//! The `keyreeve` command: reads the configuration, names the concrete parts, and joins them.
//!
//! - `args` is what can be asked for, `config` what is set beforehand;
//! - `command` has one file for each thing that can be done;
//! - `source` is where what is shown comes from: the store of this machine, or a server;
//! - `output` writes tables, JSON and CSV, and says errors;
//! - `access` says who acts and what each command takes of them, `actor` what they may;
//! - `exit` decides what the end means to the caller.

// Futures that wait for futures: an optimised build looks deeper into them than 128.
#![recursion_limit = "256"]

mod access;
mod actor;
mod args;
mod command;
mod config;
mod custody;
mod exit;
mod logging;
mod output;
mod source;
mod stop;
mod structured;
mod terminal;
mod withheld;

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;

/// What answers and imports are made of is many small pieces of memory.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let arguments = match args::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(refused) => {
            // Help and version are no failures; when nobody reads them, that is none either.
            let _ = withheld::print(withheld::escaped().as_ref().unwrap_or(&refused));
            return ExitCode::from(u8::try_from(refused.exit_code()).unwrap_or(2));
        }
    };
    ExitCode::from(exit::code(command::run(arguments)))
}
