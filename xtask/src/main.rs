//! Chores of the project: `cargo xtask <task>`. One file per task; this one only dispatches.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a chore speaks to the terminal")]

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

mod bench;
mod boundaries;
mod browser;
mod companion;
mod compare;
mod demo;
mod deny;
mod fuzz;
mod licences;
mod node;
mod peers;
mod pictures;
mod postgres;
mod scratch;
mod source;
mod test;
mod testers;
mod tidy;
mod unused;
mod workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Chores of the project")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Show the main path on a sandbox account: register, import, read, import again
    Demo,
    /// Run everything a change must pass, and show what took how long
    Test(test::Options),
    /// Measure an import beside the least it could cost and beside boto3
    Bench(bench::Options),
    /// Take the pictures of the guide anew, from the console on a sandbox
    Pictures,
    /// Import what moto and ministack hold, and compare every field with what boto3 reads
    Compare(compare::Options),
    /// Have testers from PyPI try SCIM on a sandbox
    Scim(testers::Options),
    /// Have a fuzzer from PyPI ask each address of the REST description on a sandbox
    Schemathesis(testers::Options),
    /// Have libFuzzer look for inputs that a parser of foreign input does not take
    Fuzz(fuzz::Options),
    /// Prove who may see whom from cargo's metadata
    Boundaries,
    /// Check licences, sources, bans and duplicate versions of what ships
    Licences {
        /// Print the list of older versions for deny.toml instead
        #[arg(long)]
        list_duplicates: bool,
    },
    /// Find dependencies that no source file uses
    Unused,
    /// Check house rules that no compiler checks
    Tidy,
}

fn main() -> ExitCode {
    if let Some(code) = fuzz::as_wrapper() {
        return code;
    }
    match run(Arguments::parse().task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    let root = workspace::root()?;
    match task {
        Task::Demo => demo::run(&root)?,
        Task::Test(options) => return test::run(&root, &options),
        Task::Bench(options) => bench::run(&root, options)?,
        Task::Pictures => println!("{}", pictures::run(&root)?),
        Task::Compare(options) => println!("{}", compare::run(&root, &options)?),
        Task::Scim(options) => println!("{}", testers::SCIM.run(&root, &options)?),
        Task::Schemathesis(options) => println!("{}", testers::SCHEMATHESIS.run(&root, &options)?),
        Task::Fuzz(options) => println!("{}", fuzz::run(&root, &options)?),
        Task::Boundaries => println!("{}", boundaries::run(&root)?),
        Task::Licences { list_duplicates: true } => println!("{}", licences::duplicate_list(&root)?),
        Task::Licences { list_duplicates: false } => println!("{}", licences::run(&root)?),
        Task::Unused => println!("{}", unused::run(&root)?),
        Task::Tidy => println!("{}", tidy::run(&root)?),
    }
    Ok(ExitCode::SUCCESS)
}
