//! The one place that reads the clock; everything else is told the time.

use std::time::Instant;

use bartizan_model::Timestamp;

/// The time now, UTC.
#[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is passed")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Seconds since some fixed moment, for measuring.
pub(crate) fn stopwatch() -> impl FnMut() -> f64 {
    let start = Instant::now();
    move || start.elapsed().as_secs_f64()
}
