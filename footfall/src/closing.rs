//! Closes dates: when a date is over everywhere, its close record goes into the spool.

use std::time::Duration;

use ingest::append::Appender;
use schema::clock;
use schema::day::Day;
use schema::zone::{Zone, last_day_over};

/// A date is closed this long after it is over in the last configured zone. By then late hits have arrived.
pub(crate) const CLOSE_AFTER_S: i64 = 6 * 3600;
/// How often this task looks for a date to close.
const CHECK_INTERVAL: Duration = Duration::from_secs(20);

/// Closes each date when it is due, for as long as the process runs. If an append fails, it is tried again at the next
/// check.
pub(crate) async fn close_dates(appender: Appender, zones: Vec<Zone>) {
    let mut closed: Option<Day> = None;
    let mut checks = tokio::time::interval(CHECK_INTERVAL);
    loop {
        checks.tick().await;
        let due = last_day_over(&zones, clock::now_s(), CLOSE_AFTER_S);
        if due > closed
            && let Some(day) = due
        {
            // A second close of a date changes nothing, so the last date is closed again after a restart.
            match appender.close(day).await {
                Ok(()) => closed = due,
                Err(fault) => tracing::error!(%fault, %day, "{day} could not be closed; trying again soon"),
            }
        }
    }
}
