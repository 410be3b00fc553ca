//! The ownership of one partition, by one assignment; and requests to the brokers that are retried while it lasts.

use std::sync::Arc;
use std::time::Duration;

use kafka::rdkafka::error::KafkaError;

use super::membership::Membership;
use crate::stream::StreamError;

/// The pause between two tries.
const RETRY_PAUSE: Duration = Duration::from_millis(300);

/// The ownership of a partition, by one assignment.
pub(super) struct PartitionOwner {
    pub(super) membership: Arc<Membership>,
    pub(super) partition: i32,
    pub(super) assignment: u64,
}

impl PartitionOwner {
    /// Whether this process still owns the partition by that assignment.
    pub(super) fn is_current(&self) -> bool {
        self.membership.owns(self.partition, self.assignment)
    }

    /// Asks the brokers until they answer. Fails only if the partition is not owned any more.
    pub(super) async fn retry<T>(
        &self,
        what: &str,
        mut ask: impl AsyncFnMut() -> Result<T, KafkaError>,
    ) -> Result<T, StreamError> {
        loop {
            match ask().await {
                Ok(answer) => return Ok(answer),
                Err(_) if !self.is_current() => return Err(StreamError::Fenced),
                Err(error) => {
                    let partition = self.partition;
                    tracing::warn!(%error, partition, "{what} failed ({error}); trying again");
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            }
        }
    }
}
