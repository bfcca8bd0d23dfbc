//! Whose turn it is: a bound on the work that each question makes at once.
//!
//! Each question (method and route) has a line of its own, so that many requests for one do not keep
//! the others from being answered. A place in it is given up when the work ends, not when the client
//! goes away or is told that it took too long: work that nobody waits for counts as well.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::app::App;
use crate::codes;
use crate::problem::Fault;

/// How much is done at once, and how long it may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the request's head until the answer; a body that comes slowly counts.
    pub time: Duration,
    /// Requests for one question that are worked on at once.
    pub at_once: usize,
    /// Requests for one question that may wait for that.
    pub waiting: usize,
}

impl Default for Limits {
    /// Four at once keep both a small machine's processors busy and memory bounded, since a question of
    /// one's own builds a graph of its own; two minutes are far above what a large estate takes.
    fn default() -> Self {
        Self { time: Duration::from_mins(2), at_once: 4, waiting: 28 }
    }
}

/// The lines of all questions.
pub(crate) struct Turns {
    limits: Limits,
    lines: Mutex<BTreeMap<String, Line>>,
}

#[derive(Clone)]
struct Line {
    /// A place in the line, at work or waiting.
    places: Arc<Semaphore>,
    work: Arc<Semaphore>,
}

/// What is held until the work has ended.
struct Place {
    _place: OwnedSemaphorePermit,
    _work: OwnedSemaphorePermit,
}

impl Turns {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, lines: Mutex::default() }
    }

    /// Waits for a turn to work on this question; not at all where too many wait already.
    async fn take(&self, question: String) -> Result<Place, Fault> {
        let line = {
            // Lines are only added: a panic of another request leaves them sound.
            let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            let new = || Line {
                places: Arc::new(Semaphore::new(self.limits.at_once + self.limits.waiting)),
                work: Arc::new(Semaphore::new(self.limits.at_once)),
            };
            lines.entry(question).or_insert_with(new).clone()
        };
        let place = line.places.try_acquire_owned().map_err(|_| {
            Fault::new(
                codes::TOO_BUSY,
                format!(
                    "{} requests for this are worked on and {} wait already; ask again in a moment",
                    self.limits.at_once, self.limits.waiting
                ),
            )
        })?;
        let work = line.work.acquire_owned().await.map_err(Fault::internal)?;
        Ok(Place { _place: place, _work: work })
    }
}

/// A request's turn to work.
pub(crate) struct Turn {
    pub(crate) app: Arc<App>,
    place: Place,
}

impl Turn {
    /// Reads the store or thinks, off the threads that serve the network.
    pub(crate) async fn work<T: Send + 'static>(
        self,
        work: impl FnOnce(&App) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let Self { app, place } = self;
        let working = tokio::task::spawn_blocking(move || {
            let result = work(&app);
            drop(place);
            result
        });
        match working.await {
            Ok(result) => result,
            Err(error) => Err(Fault::internal(error)),
        }
    }
}

impl FromRequestParts<Arc<App>> for Turn {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Fault> {
        let route = MatchedPath::from_request_parts(parts, app).await.map_err(Fault::internal)?;
        let place = app.turns.take(format!("{} {}", parts.method, route.as_str())).await?;
        Ok(Self { app: Arc::clone(app), place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { time: Duration::from_secs(1), at_once: 1, waiting: 1 };

    async fn taken(turns: &Turns, question: &str) -> Result<Place, &'static str> {
        turns.take(question.to_owned()).await.map_err(|fault| fault.code.name)
    }

    #[tokio::test]
    async fn one_works_one_waits_and_the_next_is_turned_away() {
        let turns = Turns::new(LIMITS);
        let first = taken(&turns, "a").await.unwrap_or_else(|code| panic!("{code}"));
        let mut second = Box::pin(taken(&turns, "a"));
        assert!(tokio::time::timeout(Duration::from_millis(20), &mut second).await.is_err(), "it waits");
        assert_eq!(taken(&turns, "a").await.err(), Some("too_busy"));
        assert!(taken(&turns, "b").await.is_ok(), "another question has a line of its own");
        drop(first);
        assert!(second.await.is_ok());
        assert!(taken(&turns, "a").await.is_ok());
    }

    #[tokio::test]
    async fn who_stops_waiting_gives_up_the_place() {
        let turns = Turns::new(LIMITS);
        let _first = taken(&turns, "a").await;
        for _ in 0..3 {
            let second = tokio::time::timeout(Duration::from_millis(5), taken(&turns, "a")).await;
            assert!(second.is_err(), "it waits, and is not turned away");
        }
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_keeps_its_place() {
        let folder = tempfile::TempDir::new().unwrap();
        let app = Arc::new(App::new(crate::Config {
            store: folder.path().join("test.db"),
            scope: None,
            listen: "127.0.0.1:0".parse().unwrap(),
            note: None,
            clock: || bartizan_model::Timestamp::UNIX_EPOCH,
            limits: Limits { waiting: 0, ..LIMITS },
        }));
        let place = taken(&app.turns, "a").await.unwrap_or_else(|code| panic!("{code}"));
        let turn = Turn { app: Arc::clone(&app), place };
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let work = turn.work(move |_| Ok(ended.recv().is_err()));
        assert!(tokio::time::timeout(Duration::from_millis(20), work).await.is_err(), "it takes too long");
        assert_eq!(taken(&app.turns, "a").await.err(), Some("too_busy"));
        drop(end);
        let again = async {
            while taken(&app.turns, "a").await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(
            tokio::time::timeout(Duration::from_secs(10), again).await.is_ok(),
            "the place is free again"
        );
    }
}
