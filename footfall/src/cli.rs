//! The command line. The doc comments of commands and options are their `--help` texts.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Web analytics that counts how many walk through a site, where from and to which page, and never who.
#[derive(Debug, Parser)]
#[command(name = "footfall", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Take hits, count them and show the dashboard, all on this machine
    Serve(ServeArgs),
    /// Take hits and send them to Kafka; any number may run
    Ingest(ServeArgs),
    /// Read hits from Kafka and count them into ClickHouse; up to one per partition may run
    Aggregate(AggregateArgs),
    /// Show the dashboard and answer the stats API from a ClickHouse server
    Dashboard(ServeArgs),
    /// Count the page views in web server logs
    Import(ImportArgs),
    /// Make a token that lets someone read statistics, or a server send hits
    Token(TokenArgs),
    /// Check the configuration, and print every key with its value
    CheckConfig(CheckConfigArgs),
    /// The embedded ClickHouse, started by `serve` and `import` as their child
    #[command(hide = true)]
    Engine(EngineArgs),
    /// Check whether a running Footfall answers 200: `footfall health 127.0.0.1:8000/healthz/ready`
    #[command(hide = true)]
    Health(HealthArgs),
}

/// `--config`, the same for every command.
#[derive(Debug, Args)]
pub(crate) struct ConfigFile {
    /// The configuration; footfall.example.toml shows every key
    #[arg(long = "config", value_name = "FILE", default_value = "footfall.toml")]
    pub(crate) path: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
}

#[derive(Debug, Args)]
pub(crate) struct AggregateArgs {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    /// If Kafka no longer has hits that were not counted, go on without them; without this option the aggregator names
    /// them and stops
    #[arg(long)]
    pub(crate) accept_loss: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    /// Number of the site that the logs belong to
    #[arg(long, value_name = "ID")]
    pub(crate) site: u32,
    /// Format of the lines
    #[arg(long, value_enum, default_value_t = LogFormat::Combined)]
    pub(crate) format: LogFormat,
    /// Shift every line by this number of days, back if negative (for demos and tests)
    #[arg(long, value_name = "DAYS", default_value_t = 0, allow_negative_numbers = true)]
    pub(crate) shift: i32,
    /// Print the summary as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Log files, gzipped or not; of a log that was imported before, only new lines are counted
    #[arg(value_name = "FILE", required = true)]
    pub(crate) logs: Vec<PathBuf>,
}

/// The format of a server's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Common, then referrer and user agent (nginx's and Apache's `combined`)
    Combined,
    /// Address, time, request line, status and size
    Common,
}

#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    /// Name of the token in the configuration
    #[arg(long)]
    pub(crate) name: String,
    /// Number of a site that the token is for; may be given several times [default: all sites]
    #[arg(long = "site", value_name = "ID")]
    pub(crate) sites: Vec<u32>,
    /// The token sends hits instead of reading statistics
    #[arg(long)]
    pub(crate) send: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CheckConfigArgs {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
}

#[derive(Debug, Args)]
pub(crate) struct EngineArgs {
    /// The engine's shared library
    #[arg(long, value_name = "FILE")]
    pub(crate) lib: PathBuf,
    /// ClickHouse's own configuration file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// The folder of the tables
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// The port on the loopback address
    #[arg(long)]
    pub(crate) port: u16,
    /// The engine ends when no process has this fifo open for writing
    #[arg(long, value_name = "FILE")]
    pub(crate) fifo: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// An address, a port and a path
    #[arg(value_name = "ADDRESS:PORT/PATH")]
    pub(crate) at: String,
}
