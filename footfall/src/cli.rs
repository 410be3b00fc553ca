//! What can be said on the command line. It decides nothing: `main` does.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Web analytics that counts how many walk through a site, where from and to which page, and never who.
#[derive(Debug, Parser)]
#[command(name = "footfall", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One per job of the program.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Take hits, count them and show the dashboard, all on this machine
    Serve(Serve),
    /// Take hits and send them to Kafka: one of many
    Ingest(Serve),
    /// Read hits from Kafka and count them into ClickHouse: one of many
    Aggregate(Aggregate),
    /// Show the dashboard and answer the stats API from a ClickHouse
    Dashboard(Serve),
    /// Count the page views in web server logs
    Import(Import),
    /// Make a token that lets someone read statistics, or a server send hits
    Token(Token),
    /// Say whether the configuration is valid, and what it means
    CheckConfig(CheckConfig),
    /// The embedded ClickHouse, started by `serve` and `import` as their child
    #[command(hide = true)]
    Engine(Engine),
    /// Whether a running Footfall answers 200: `footfall health 127.0.0.1:8000/healthz/ready`
    #[command(hide = true)]
    Health(Health),
}

/// `--config`, the same for every command.
#[derive(Debug, Args)]
pub(crate) struct ConfigFile {
    /// The configuration; footfall.example.toml shows every key
    #[arg(long = "config", value_name = "FILE", default_value = "footfall.toml")]
    pub(crate) path: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
}

#[derive(Debug, Args)]
pub(crate) struct Aggregate {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    /// Go on without hits that Kafka no longer has; without this they are named, and nothing goes on
    #[arg(long)]
    pub(crate) accept_loss: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    /// Number of the site that the logs are of
    #[arg(long, value_name = "ID")]
    pub(crate) site: u32,
    /// How the lines are written
    #[arg(long, value_enum, default_value_t = Format::Combined)]
    pub(crate) format: Format,
    /// Move every line by so many days, back if negative (for demos and tests)
    #[arg(long, value_name = "DAYS", default_value_t = 0, allow_negative_numbers = true)]
    pub(crate) shift: i32,
    /// Print the summary as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Logs, gzipped or not; read again, only what is new in them counts
    #[arg(value_name = "FILE", required = true)]
    pub(crate) logs: Vec<PathBuf>,
}

/// How a server writes its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Common, then referrer and user agent (nginx's and Apache's `combined`)
    Combined,
    /// Address, time, request line, status and size
    Common,
}

#[derive(Debug, Args)]
pub(crate) struct Token {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    /// What people will call it
    #[arg(long)]
    pub(crate) name: String,
    /// Number of a site that it is for; once for each. Without: all sites there are now
    #[arg(long = "site", value_name = "ID")]
    pub(crate) sites: Vec<u32>,
    /// For a server that sends hits, instead of someone who reads statistics
    #[arg(long)]
    pub(crate) send: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CheckConfig {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
}

#[derive(Debug, Args)]
pub(crate) struct Engine {
    /// The engine's shared library
    #[arg(long, value_name = "FILE")]
    pub(crate) lib: PathBuf,
    /// ClickHouse's own configuration
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Where it keeps its tables
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// The port of the loopback address that it answers on
    #[arg(long)]
    pub(crate) port: u16,
    /// It lives as long as someone holds this open for writing
    #[arg(long, value_name = "FILE")]
    pub(crate) fifo: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Health {
    /// An address, a port and a path
    #[arg(value_name = "ADDRESS:PORT/PATH")]
    pub(crate) at: String,
}
