//! The topics of Footfall. Missing topics are created; the settings of existing ones are checked.
//!
//! A wrong setting would lose hits days later without any error. So it is an error at the start, and all wrong settings
//! are reported together.

use strum::{IntoStaticStr, VariantArray};

mod create;

pub use create::{TopicError, admin, delete_below, ensure};

const SECOND_MS: i64 = 1000;
const HOUR_MS: i64 = 3600 * SECOND_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Names, partitions and replicas of the topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The prefix of their names.
    pub prefix: String,
    /// Partitions of `hits` and of `folds`.
    pub partitions: u32,
    /// Replicas of each topic that is created.
    pub replication: u32,
}

/// A topic of Footfall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Topic {
    /// Anonymous events, until their day is settled.
    Hits,
    /// The checkpoints of each partition of `hits`.
    Folds,
    /// Shares of the salts of each day.
    Salts,
}

/// What the value of a setting must be.
#[derive(Debug, Clone, Copy)]
enum Requirement {
    Is(&'static str),
    /// Or -1, which means no limit.
    AtLeast(i64),
    AtMost(i64),
}

impl Topic {
    /// All topics.
    pub const ALL: &'static [Topic] = Topic::VARIANTS;

    /// The name without the prefix.
    pub fn label(self) -> &'static str {
        self.into()
    }

    /// For each setting: its name, what it must be, its value when we create the topic, and why.
    fn requirements(self) -> &'static [(&'static str, Requirement, &'static str, &'static str)] {
        match self {
            Topic::Hits => &[
                ("cleanup.policy", Requirement::Is("delete"), "delete", "hits have no key to be compacted by"),
                (
                    "retention.ms",
                    Requirement::AtLeast(7 * DAY_MS),
                    "604800000",
                    "hits of days that are not settled must outlive an outage of a week",
                ),
                (
                    "retention.bytes",
                    Requirement::AtLeast(i64::MAX),
                    "-1",
                    "hits of days that are not settled must not be deleted",
                ),
                ("segment.ms", Requirement::AtMost(HOUR_MS), "3600000", "settled hits are deleted by whole segments"),
                (
                    "max.message.bytes",
                    Requirement::AtLeast(1_000_000),
                    "1048588",
                    "a message of hits has up to 256 KiB",
                ),
            ],
            Topic::Folds => &[
                ("cleanup.policy", Requirement::Is("compact"), "compact", "the last checkpoint of each key must stay"),
                (
                    "max.message.bytes",
                    Requirement::AtLeast(1_000_000),
                    "1048588",
                    "a checkpoint names every collector's start",
                ),
            ],
            Topic::Salts => &[
                (
                    "cleanup.policy",
                    Requirement::Is("delete"),
                    "delete",
                    "the first share of a day counts, not the last",
                ),
                (
                    "retention.ms",
                    Requirement::AtLeast(4 * DAY_MS),
                    "604800000",
                    "a day's first share must be there until that day is over everywhere",
                ),
                ("segment.ms", Requirement::AtMost(HOUR_MS), "3600000", "shares of days that are over must go"),
                (
                    "message.timestamp.type",
                    Requirement::Is("LogAppendTime"),
                    "LogAppendTime",
                    "a share counts by when the brokers took it, whatever the clock of its writer",
                ),
            ],
        }
    }
}

impl Layout {
    /// The full name of a topic.
    pub fn name(&self, topic: Topic) -> String {
        format!("{}{}", self.prefix, topic.label())
    }

    fn partitions_of(&self, topic: Topic) -> u32 {
        match topic {
            Topic::Hits | Topic::Folds => self.partitions,
            Topic::Salts => 1,
        }
    }
}
