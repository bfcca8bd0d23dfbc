//! What requests share: the configuration, and the ranking of now, made once.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bartizan_cycle::inputs::Inputs;
use bartizan_cycle::ranking::{self, Ranking};
use bartizan_model::Timestamp;
use bartizan_scope::Scope;
use bartizan_store::Store;

use crate::problem::Fault;
use crate::turn::{Limits, Turns};

/// What the server serves, and where.
pub struct Config {
    /// The store's file; made if it is not there.
    pub store: PathBuf,
    /// The scope as it was read at the start; edits show after a restart.
    pub scope: Option<Scope>,
    /// A loopback address; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Said on the page, e.g. that this is the example company.
    pub note: Option<String>,
    /// The time now; the server reads no clock of its own.
    pub clock: fn() -> Timestamp,
    pub limits: Limits,
}

/// A ranking with what it was made from.
#[derive(Clone)]
pub(crate) struct Current {
    pub(crate) inputs: Arc<Inputs>,
    pub(crate) ranking: Arc<Ranking>,
}

/// What a ranking depends on: the store's revision and the hour that ages are counted from.
type Key = (i64, i64);

pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) turns: Turns,
    current: Mutex<Option<(Key, Current)>>,
    started: i64,
    requests: AtomicU64,
}

impl App {
    pub(crate) fn new(config: Config) -> Self {
        let started = (config.clock)().as_millisecond();
        let turns = Turns::new(config.limits);
        Self { config, turns, current: Mutex::new(None), started, requests: AtomicU64::new(0) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.config.clock)()
    }

    /// Different for each request, also over restarts.
    pub(crate) fn next_request_id(&self) -> String {
        format!("{:x}-{:x}", self.started, self.requests.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub(crate) fn store(&self) -> Result<Store, Fault> {
        Ok(Store::open(&self.config.store)?)
    }

    /// The ranking of what is known now, kept in the store so that it can be replayed. Requests that
    /// come while it is being made wait for it, rather than make it again. Blocks.
    pub(crate) fn current(&self, store: &mut Store) -> Result<Current, Fault> {
        // What is behind the lock is replaced whole: a panic of another request leaves it sound.
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.now();
        let key = (store.revision()?, now.as_second().div_euclid(3600));
        if let Some((known, current)) = current.as_ref()
            && *known == key
        {
            return Ok(current.clone());
        }
        let inputs = Inputs::gather(store, self.config.scope.as_ref(), now)?;
        let ranking = ranking::rank(&inputs)?;
        bartizan_cycle::replay::keep(store, &inputs, &ranking, now)?;
        let made = Current { inputs: Arc::new(inputs), ranking: Arc::new(ranking) };
        *current = Some((key, made.clone()));
        Ok(made)
    }
}
