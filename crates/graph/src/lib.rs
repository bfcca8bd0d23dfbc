//! The attack graph in memory: who can get where, how likely, what cuts it, and what a fix removes.
//!
//! Two shapes, one for each kind of question. [`engine::PlainGraph`] holds steps that need one thing only,
//! as compressed rows; it answers for millions of edges. [`engine::RuleGraph`] holds rules that may need
//! several things at once, with likelihoods, fixes and products; [`engine`] lists its questions.
//! [`rules`] derives the steps of an attacker from the facts of an estate, by rules that are data.
//! [`derive`] derives the composite edges of a directory that hang on what groups together hold.
//! [`opengraph`] and [`rulegraph_json`] read graph files, [`answer`] and [`rulegraph_answer`] answer for them.
//!
//! Nothing here opens files or sockets, reads the clock or the environment: readers and a clock are passed
//! in, and the same input gives the same answer. Nothing recurses on data.
//!
//! ```
//! use bartizan_graph::engine::{Rule, RuleGraphBuilder, closure, Removed};
//!
//! let mut builder = RuleGraphBuilder::new();
//! let internet = builder.node();
//! let database = builder.node();
//! builder.entry(internet);
//! builder.target(database);
//! builder.rule(Rule::step(internet, database, 0.3));
//! let graph = builder.build().unwrap();
//! assert!(closure(&graph, &Removed::none(&graph)).holds(database));
//! ```

pub mod answer;
pub mod derive;
pub mod engine;
mod error;
mod expression;
mod graph_input;
mod node_index;
pub mod opengraph;
pub mod rulegraph_answer;
pub mod rulegraph_json;
pub mod rules;

pub use error::{Error, Result};
