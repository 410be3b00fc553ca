//! The one binary: reads the command line and the configuration, and starts what was asked for.

mod answers;
mod check_config;
mod cli;
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
mod reload;
mod serve;
mod token;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use config::Config;
use ingest::enrich::place::Geo;

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Token(args) => make_token(&args),
        Command::CheckConfig(args) => check_config(&args),
        Command::Engine(args) => engine::run_child(&args),
        Command::Serve(args) => Config::load(&args.config.path).map_err(Into::into).and_then(serve::run),
        Command::Ingest(args) => Config::load(&args.config.path).map_err(Into::into).and_then(many::ingest::run),
        Command::Aggregate(args) => Config::load(&args.config.path)
            .map_err(Into::into)
            .and_then(|it| many::aggregate::run(it, args.accept_loss)),
        Command::Dashboard(args) => Config::load(&args.config.path).map_err(Into::into).and_then(many::dashboard::run),
        Command::Import(args) => import::run(&args),
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

fn make_token(args: &cli::Token) -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::load(&args.config.path)?;
    print(&token::lines(&config, &args.name, &args.sites, args.send, token::random()?)?)
}

fn check_config(args: &cli::CheckConfig) -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::load(&args.config.path)?;
    for warning in check_config::warnings(&config, |path| path.exists()) {
        eprintln!("warning: {warning}");
    }
    if config.url.is_none() {
        eprintln!("note: {}", check_config::OBJECTION);
    }
    if let Some(geo) = &config.geo {
        eprintln!("note: geo: {}", Geo::open(geo)?.atlas());
    }
    print(&check_config::describe(&config))
}

/// A reader that has seen enough (`| head -1`) is no failure.
fn print(text: &str) -> Result<(), Box<dyn std::error::Error>> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}
