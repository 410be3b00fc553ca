//! The topics Footfall needs: made where they are missing, and where they exist held against what they must be. A wrong
//! setting loses hits silently, days later; so it is an error at the start, and all of them are said at once.

use std::collections::HashMap;
use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, OwnedResourceSpecifier, ResourceSpecifier, TopicReplication,
};
use rdkafka::error::RDKafkaErrorCode;

use crate::connection::Unreached;
use crate::{Connection, Error, Said};

const SECOND_MS: i64 = 1000;
const HOUR_MS: i64 = 3600 * SECOND_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Longest wait for one answer of the brokers.
const ANSWER_MAX: Duration = Duration::from_secs(15);

/// How Footfall's topics are laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// What their names begin with.
    pub prefix: String,
    /// Partitions of `hits` and of `folds`.
    pub partitions: u32,
    /// Copies of each, when they are made.
    pub replication: u32,
}

/// A topic of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Anonymous events, until their day is done.
    Hits,
    /// What replay of each partition begins with.
    Folds,
    /// Shares of the days' salts.
    Salts,
}

/// What a setting must be.
#[derive(Debug, Clone, Copy)]
enum Rule {
    Is(&'static str),
    /// Or without a bound, which is -1.
    AtLeast(i64),
    AtMost(i64),
}

impl Topic {
    /// All of them.
    pub const ALL: [Topic; 3] = [Topic::Hits, Topic::Folds, Topic::Salts];

    /// Its name, without the prefix.
    pub fn label(self) -> &'static str {
        match self {
            Topic::Hits => "hits",
            Topic::Folds => "folds",
            Topic::Salts => "salts",
        }
    }

    /// Setting, what it must be, what it is when we make the topic, and why.
    fn rules(self) -> &'static [(&'static str, Rule, &'static str, &'static str)] {
        match self {
            Topic::Hits => &[
                ("cleanup.policy", Rule::Is("delete"), "delete", "hits have no key to be compacted by"),
                (
                    "retention.ms",
                    Rule::AtLeast(7 * DAY_MS),
                    "604800000",
                    "hits of days not yet done must outlive an outage of a week",
                ),
                ("retention.bytes", Rule::AtLeast(i64::MAX), "-1", "hits of days not yet done must not be pushed out"),
                ("segment.ms", Rule::AtMost(HOUR_MS), "3600000", "what is done is deleted by whole segments"),
                ("max.message.bytes", Rule::AtLeast(1_000_000), "1048588", "a message of hits has up to 256 KiB"),
            ],
            Topic::Folds => &[
                ("cleanup.policy", Rule::Is("compact"), "compact", "the last copy of each key must stay"),
                ("max.message.bytes", Rule::AtLeast(1_000_000), "1048588", "a copy names every collector's start"),
            ],
            Topic::Salts => &[
                ("cleanup.policy", Rule::Is("delete"), "delete", "the first share of a day counts, not the last"),
                (
                    "retention.ms",
                    Rule::AtLeast(4 * DAY_MS),
                    "604800000",
                    "a day's first share must be there until that day is over everywhere",
                ),
                ("segment.ms", Rule::AtMost(HOUR_MS), "3600000", "shares of days that are over must go"),
                (
                    "message.timestamp.type",
                    Rule::Is("LogAppendTime"),
                    "LogAppendTime",
                    "a share counts by when the brokers took it, whatever the clock of its writer",
                ),
            ],
        }
    }
}

impl Layout {
    /// A topic's full name.
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

/// The topics are not there as they must be.
#[derive(Debug, thiserror::Error)]
pub enum TopicError {
    /// The brokers did not answer; they may later.
    #[error("Kafka does not answer: {0}")]
    Unreachable(Unreached),
    /// They answered, and this is wrong.
    #[error("{}", .0.join("; "))]
    Wrong(Vec<String>),
}

impl From<Error> for TopicError {
    fn from(error: Error) -> TopicError {
        TopicError::Unreachable(error.into())
    }
}

/// Makes the topics that are missing and checks the others.
pub async fn ensure(connection: &Connection, layout: &Layout, topics: &[Topic]) -> Result<(), TopicError> {
    connection.reach(ANSWER_MAX).await.map_err(TopicError::Unreachable)?;
    let config = connection.client("footfall-topics");
    let admin: AdminClient<Said> = config.create_with_context(Said)?;
    let options = AdminOptions::new().request_timeout(Some(ANSWER_MAX)).operation_timeout(Some(ANSWER_MAX));
    let mut wrong = make_missing(&admin, &options, layout, topics).await?;
    for &topic in topics {
        let name = layout.name(topic);
        let (found, copies) = partitions(&admin, &name).await?;
        let must = layout.partitions_of(topic);
        if found != must {
            let why = "a visitor's hits must stay in one partition";
            wrong.push(format!("topic {name} has {found} partitions and must have {must}: {why}"));
        } else if copies < layout.replication {
            let must = layout.replication;
            wrong.push(format!("topic {name} has partitions of {copies} copies and must have {must} (`replication`)"));
        }
    }
    let names: Vec<String> = topics.iter().map(|&topic| layout.name(topic)).collect();
    let asked: Vec<ResourceSpecifier<'_>> = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
    for answer in admin.describe_configs(&asked, &options).await? {
        match answer {
            Ok(found) => wrong.extend(faults(layout, topics, &found)),
            Err(code) => return Err(Error::AdminOp(code).into()),
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(TopicError::Wrong(wrong)) }
}

async fn make_missing(
    admin: &AdminClient<Said>,
    options: &AdminOptions,
    layout: &Layout,
    topics: &[Topic],
) -> Result<Vec<String>, TopicError> {
    let mut wrong = Vec::new();
    for &topic in topics {
        let name = layout.name(topic);
        let (partitions, replication) = (layout.partitions_of(topic) as i32, layout.replication as i32);
        let mut new = NewTopic::new(&name, partitions, TopicReplication::Fixed(replication));
        for (key, _, value, _) in topic.rules() {
            new = new.set(key, value);
        }
        // One copy must be on its disk before it is answered; of three, two brokers have it.
        new = match layout.replication {
            1 => new.set("flush.messages", "1"),
            2 => new,
            _ => new.set("min.insync.replicas", "2"),
        };
        for made in admin.create_topics([&new], options).await? {
            match made {
                Ok(_) => tracing::info!(name, partitions, "made topic {name}"),
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, RDKafkaErrorCode::TopicAuthorizationFailed)) => {
                    tracing::debug!(name, "not allowed to make topics; {name} must be there");
                }
                Err((_, code)) if is_passing(code) => return Err(Error::AdminOp(code).into()),
                Err((_, code)) => wrong.push(format!("topic {name} cannot be made: {code}")),
            }
        }
    }
    Ok(wrong)
}

fn is_passing(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::{
        BrokerTransportFailure, LeaderNotAvailable, NetworkException, NotController, OperationTimedOut, RequestTimedOut,
    };
    matches!(
        code,
        BrokerTransportFailure
            | LeaderNotAvailable
            | NetworkException
            | NotController
            | OperationTimedOut
            | RequestTimedOut
    )
}

/// How many partitions a topic has, and of how many copies the least copied is; 0 if it is not there. A topic just made
/// takes a moment to be seen.
async fn partitions(admin: &AdminClient<Said>, name: &str) -> Result<(u32, u32), Error> {
    for _ in 0..50 {
        let metadata = admin.inner().fetch_metadata(Some(name), ANSWER_MAX)?;
        let found = metadata.topics().iter().find(|topic| topic.name() == name);
        let found = found.map_or(&[][..], |topic| topic.partitions());
        if let Some(copies) = found.iter().map(|partition| partition.replicas().len()).min() {
            return Ok((found.len() as u32, copies as u32));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok((0, 0))
}

fn faults(layout: &Layout, topics: &[Topic], found: &ConfigResource) -> Vec<String> {
    let OwnedResourceSpecifier::Topic(name) = &found.specifier else { return Vec::new() };
    let Some(&topic) = topics.iter().find(|&&topic| layout.name(topic) == *name) else { return Vec::new() };
    let values: HashMap<&str, &str> =
        found.entries.iter().filter_map(|entry| Some((&entry.name[..], entry.value.as_deref()?))).collect();
    let mut wrong = Vec::new();
    let safe = [
        ("unclean.leader.election.enable", Rule::Is("false"), "", "a broker that missed hits must not lead"),
        ("min.insync.replicas", Rule::AtLeast(2), "", "one broker alone must not answer for three"),
    ];
    let safe = &safe[..if layout.replication >= 3 { 2 } else { 1 }];
    for &(key, rule, _, why) in topic.rules().iter().chain(safe) {
        let Some(&value) = values.get(key) else { continue };
        let number = value.parse::<i64>().unwrap_or(0);
        let (fits, must) = match rule {
            Rule::Is(wanted) => (value == wanted, format!("must be {wanted}")),
            Rule::AtLeast(i64::MAX) => (number == -1, "must be -1".to_owned()),
            Rule::AtLeast(least) => (number == -1 || number >= least, format!("must be at least {least}")),
            Rule::AtMost(most) => ((0..=most).contains(&number), format!("must be at most {most}")),
        };
        if !fits {
            wrong.push(format!("topic {name} has {key}={value}, which {must}: {why}"));
        }
    }
    wrong
}

/// Gives up what lies below an offset of a partition.
pub async fn delete_below(admin: &AdminClient<Said>, topic: &str, partition: i32, offset: u64) -> Result<(), Error> {
    let mut list = rdkafka::TopicPartitionList::new();
    let offset = rdkafka::Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX));
    list.add_partition_offset(topic, partition, offset)?;
    let options = AdminOptions::new().request_timeout(Some(ANSWER_MAX)).operation_timeout(Some(ANSWER_MAX));
    for element in admin.delete_records(&list, &options).await?.elements() {
        element.error()?;
    }
    Ok(())
}

/// A client that makes, asks and deletes.
pub fn admin(connection: &Connection) -> Result<AdminClient<Said>, Error> {
    connection.client("footfall-admin").create_with_context(Said)
}
