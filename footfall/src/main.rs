//! The program `footfall`: parses the command line, loads the configuration and runs the command.

mod check_config;
mod cli;
mod closing;
mod collector;
mod config;
mod engine;
mod exporter;
mod health;
mod import;
mod listen;
mod log;
mod many;
mod process;
mod reach;
mod readers;
mod reload;
mod serve;
mod token;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use config::Config;
use ingest::enrich::place::Geo;

/// What a command returns. The error is printed with its causes.
type CommandResult = Result<(), Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let with_config = |args: &cli::ConfigFile, command: fn(Config) -> CommandResult| command(Config::load(&args.path)?);
    let result = match Cli::parse().command {
        Command::Serve(args) => with_config(&args.config, serve::run),
        Command::Ingest(args) => with_config(&args.config, many::ingest::run),
        Command::Aggregate(args) => many::aggregate::run(&args),
        Command::Dashboard(args) => with_config(&args.config, many::dashboard::run),
        Command::Import(args) => import::run(&args),
        Command::Token(args) => make_token(&args),
        Command::CheckConfig(args) => check_config(&args),
        Command::Engine(args) => engine::run_child(&args),
        Command::Health(args) => health::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", warehouse::error_chain(&*error));
            ExitCode::FAILURE
        }
    }
}

fn make_token(args: &cli::TokenArgs) -> CommandResult {
    let config = Config::load(&args.config.path)?;
    let rights = if args.send { token::Rights::Send } else { token::Rights::Read };
    print(&token::new_token_lines(&config, &args.name, &args.sites, rights, token::random()?)?)
}

fn check_config(args: &cli::CheckConfigArgs) -> CommandResult {
    let config = Config::load(&args.config.path)?;
    for warning in check_config::warnings(&config, |path| path.exists()) {
        eprintln!("warning: {warning}");
    }
    if config.url.is_none() {
        eprintln!("note: {}", check_config::OPT_OUT_NOTE);
    }
    if let Some(geo) = &config.geo {
        eprintln!("note: geo: {}", Geo::open(geo)?.atlas());
    }
    print(&check_config::describe(&config))
}

/// Prints to standard output. If its reader has closed the pipe (`| head -1`), that is no error.
fn print(text: &str) -> CommandResult {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}
