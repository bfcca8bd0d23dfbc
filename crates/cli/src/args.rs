//! The command line: a contract that scripts rely on. Names are never reused for something else.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};

/// What an attacker can reach that you cannot afford to lose, and the fewest fixes that stop it.
#[derive(Debug, Parser)]
#[command(name = "bartizan", version, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The store: a file, made if it is not there
    #[arg(long, global = true, value_name = "PATH", env = "BARTIZAN_DB", default_value = "bartizan.db")]
    pub(crate) db: String,
    /// The scope file [default: bartizan.yaml if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) scope: Option<PathBuf>,
    /// How answers are printed [default: table on a terminal, json when piped]
    #[arg(long, global = true, value_enum)]
    pub(crate) format: Option<Format>,
    /// Never use the network (Bartizan only does for `validate` and `retest`)
    #[arg(long, global = true)]
    pub(crate) offline: bool,
    /// No progress and no messages on standard error, except errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
    Ndjson,
    Csv,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Load the example company into a fresh store, run the cycle, print the answer, serve it
    Demo {
        #[arg(long, default_value_t = 7575)]
        port: u16,
        /// Print the answer and stop
        #[arg(long)]
        no_serve: bool,
    },
    /// Say what reports are and hold; store nothing
    Inspect {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        reading: Reading,
    },
    /// Read reports into the store, each one whole or not at all
    Import {
        #[arg(required = true, value_name = "FILE|DIR")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        reading: Reading,
        /// Work everything out and keep nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// What to fix first
    Top {
        /// How many
        #[arg(short, default_value_t = 20)]
        n: usize,
        /// Only this tier
        #[arg(long, value_parser = clap::value_parser!(u8).range(1..=5))]
        tier: Option<u8>,
        /// Only what this owner has to do
        #[arg(long)]
        owner: Option<String>,
    },
    /// Every element in scope with its tier
    Tiers,
    /// Why an exposure has its rank
    Explain {
        /// Its rank, its id, or the beginning of its id
        id: String,
        /// Also what would change its tier
        #[arg(long)]
        counterfactual: bool,
    },
    /// Make a kept ranking again from its inputs and compare, byte for byte
    Replay {
        /// Number of the ranking; without it, the kept ones are listed
        run: Option<i64>,
    },
    /// Attack paths, each hop with its evidence
    Paths {
        /// Part of the name of where they start [default: the scope's entries]
        #[arg(long)]
        from: Option<String>,
        /// Part of the name of where they end [default: the scope's crown jewels]
        #[arg(long)]
        to: Option<String>,
        /// How many
        #[arg(short, default_value_t = 5)]
        k: usize,
    },
    /// The fewest fixes that cut all paths, or the best within a budget
    Fixes {
        /// Hours that may be spent
        #[arg(long, value_name = "HOURS")]
        budget: Option<f64>,
        /// Only paths to this crown jewel
        #[arg(long)]
        to: Option<String>,
    },
    /// Change the world in memory: what opens, what closes; nothing is stored
    Whatif(WhatifArguments),
    /// The engine on graph files alone
    Graph(GraphArguments),
    /// Who is, or can become, administrator
    Privileges {
        /// Inventory files; without any, what is in the store
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// The scope: what is protected, from whom, by whom
    Scope {
        #[command(subcommand)]
        action: ScopeAction,
    },
    /// Intelligence: feeds in, and what is loaded
    Intel {
        #[command(subcommand)]
        action: IntelAction,
    },
    /// Check an exposure, inside the scope and its authorised window only
    Validate {
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        /// Show what would be sent, and send nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Run the same check again, to close what is fixed
    Retest {
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        #[arg(long)]
        dry_run: bool,
    },
    /// Fixes as tasks for their owners
    Tickets {
        #[command(subcommand)]
        action: TicketAction,
    },
    /// The HTTP API, on the loopback interface
    Serve {
        #[arg(long, default_value = "127.0.0.1:7575", value_name = "ADDRESS:PORT")]
        listen: String,
    },
    /// Every format that can be read
    Formats,
    /// Which assets are one: what is doubtful, and what people decide
    Assets {
        #[command(subcommand)]
        action: AssetAction,
    },
    /// Care of the store
    Admin {
        #[command(subcommand)]
        action: AdminAction,
    },
}

/// How files are read, where that is not told by the files.
#[derive(Debug, Args)]
pub(crate) struct Reading {
    /// Read as this format instead of recognising it (see `bartizan formats`)
    #[arg(id = "as", long = "as", value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// What the report is about: SCHEME:VALUE, a repository URL, or a host name
    #[arg(long, value_name = "ID")]
    pub(crate) asset: Option<String>,
    /// A file that names the columns of a generic report
    #[arg(long, value_name = "FILE")]
    pub(crate) mapping: Option<PathBuf>,
}

/// What is changed; all that is given is changed at once.
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("change").required(true).multiple(true).args(["fix", "zero_day", "compromise", "plan"])),
    override_usage = "bartizan whatif [OPTIONS] [--fix ID…] [--zero-day PURL|PRODUCT]\n                                 [--compromise ASSET] [--plan FILE]"
)]
pub(crate) struct WhatifArguments {
    /// Fixes that are made: rank in `top`, f1 for the first of `fixes`, or the beginning of an id
    #[arg(long, value_name = "ID", num_args = 1..)]
    pub(crate) fix: Vec<String>,
    /// A component or product with a weakness that nobody knows yet: purl, CPE or name, with or
    /// without @VERSION
    #[arg(long, value_name = "PURL|PRODUCT")]
    pub(crate) zero_day: Option<String>,
    /// An asset that is in an attacker's hands: name, identifier or id
    #[arg(long, value_name = "ASSET")]
    pub(crate) compromise: Option<String>,
    /// A Terraform plan as `terraform show -json` prints it (AWS; - is standard input)
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: Option<PathBuf>,
    /// Exit with 1 when a path to a crown jewel opens
    #[arg(long)]
    pub(crate) fail_on_new_path: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GraphArguments {
    /// OpenGraph JSON files, or one rule graph
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// CEL over a node: where attackers start
    #[arg(long, value_name = "EXPR")]
    pub(crate) from: Option<String>,
    /// CEL over a node: what must not fall
    #[arg(long, value_name = "EXPR")]
    pub(crate) to: Option<String>,
    /// Edge kinds to leave out
    #[arg(long, value_name = "KIND,…", value_delimiter = ',')]
    pub(crate) ignore: Vec<String>,
    #[arg(long, default_value_t = 1024)]
    pub(crate) worlds: u32,
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Print the composite edges that the attack rules derive: DCSync, ADCSESC1, …
    #[arg(long, conflicts_with_all = ["from", "to", "ignore"])]
    pub(crate) derive: bool,
    /// Kinds to derive; all that are known without it
    #[arg(long, value_name = "KIND,…", value_delimiter = ',', requires = "derive")]
    pub(crate) kinds: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ScopeAction {
    /// Name every mistake in the scope file
    Check,
    /// What the scope says, and what in the store it touches
    Show,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IntelAction {
    /// Read feeds: KEV, EPSS, CVE, NVD, OSV
    Import {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// What is loaded and how old it is
    Status,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TicketAction {
    /// One task per fix
    Export {
        #[arg(long = "to", value_enum, default_value_t = TicketFormat::Markdown)]
        kind: TicketFormat,
        /// Only what this owner has to do
        #[arg(long)]
        owner: Option<String>,
        /// Only fixes of this tier or a more urgent one
        #[arg(long, default_value_t = 3)]
        tier: u8,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TicketFormat {
    #[value(alias = "md")]
    Markdown,
    Json,
    Csv,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AssetAction {
    /// Names that a report gave together and that are held to be two assets
    Review,
    /// Two assets are one, whatever reports say
    Same(Pair),
    /// Two assets are two, whatever reports say
    Different(Pair),
    /// What people decided
    Pins,
}

#[derive(Debug, Args)]
pub(crate) struct Pair {
    /// SCHEME:VALUE, the id or the name of an asset
    #[arg(value_name = "ASSET")]
    pub(crate) left: String,
    #[arg(value_name = "ASSET")]
    pub(crate) right: String,
    /// Why; it is kept in the log
    #[arg(long, value_name = "TEXT")]
    pub(crate) because: String,
    /// Who decides
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true, default_value = "unknown")]
    pub(crate) by: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdminAction {
    /// Check the store and its event chain
    Verify,
}
