//! Kafka as the stream of many shards: each partition of the topic `hits` is the stream of one shard.
//!
//! ```text
//! group         one process: joins the group, runs a shard for each partition that it owns
//!   membership    joins the consumer group; commits that only the owner of a partition can make
//!   ownership     which partitions this process owns, and the locks that fence it after a revoke
//!   shards        a thread for each owned partition
//!   unowned       finds partitions that the group assigned to no member
//!   close         writes the closes of days into every partition
//! partition     one partition as a stream
//!   owner         retries requests while the partition is owned
//!   commit        an intent as an offset commit
//!   folds         the checkpoints of a partition, in the topic `folds`
//! ```

mod close;
mod commit;
mod folds;
mod group;
mod membership;
mod owner;
mod ownership;
mod partition;
mod shards;
mod unowned;

pub use group::{GroupError, GroupSettings, run_group};
pub use membership::MemberError;
