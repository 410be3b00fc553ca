//! Creates missing topics, checks the settings of existing ones, and deletes messages.

use std::collections::HashMap;
use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, OwnedResourceSpecifier, ResourceSpecifier, TopicReplication,
};
use rdkafka::error::RDKafkaErrorCode;

use super::{Layout, Requirement, Topic};
use crate::reach::Unreached;
use crate::{Connection, Error, LoggingContext};

/// Longest wait for one answer of the brokers.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// The topics are not as they must be.
#[derive(Debug, thiserror::Error)]
pub enum TopicError {
    /// The brokers did not answer. A later try may succeed.
    #[error("Kafka does not answer: {0}")]
    Unreachable(Unreached),
    /// These settings are wrong.
    #[error("{}", .0.join("; "))]
    Wrong(Vec<String>),
}

impl From<Error> for TopicError {
    fn from(error: Error) -> TopicError {
        TopicError::Unreachable(error.into())
    }
}

/// Creates the missing topics and checks all of them.
pub async fn ensure(connection: &Connection, layout: &Layout, topics: &[Topic]) -> Result<(), TopicError> {
    connection.reach(REQUEST_TIMEOUT).await.map_err(TopicError::Unreachable)?;
    let config = connection.client("footfall-topics");
    let admin: AdminClient<LoggingContext> = config.create_with_context(LoggingContext)?;
    let options = AdminOptions::new().request_timeout(Some(REQUEST_TIMEOUT)).operation_timeout(Some(REQUEST_TIMEOUT));
    let mut wrong = create_missing(&admin, &options, layout, topics).await?;
    for &topic in topics {
        let name = layout.name(topic);
        let (found, replicas) = partitions(&admin, &name).await?;
        let must = layout.partitions_of(topic);
        if found != must {
            let why = "a visitor's hits must stay in one partition";
            wrong.push(format!("topic {name} has {found} partitions and must have {must}: {why}"));
        } else if replicas < layout.replication {
            let must = layout.replication;
            wrong.push(format!(
                "topic {name} has partitions with {replicas} replicas and must have {must} (`replication`)"
            ));
        }
    }
    let names: Vec<String> = topics.iter().map(|&topic| layout.name(topic)).collect();
    let asked: Vec<ResourceSpecifier<'_>> = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
    for answer in admin.describe_configs(&asked, &options).await? {
        match answer {
            Ok(found) => wrong.extend(wrong_settings(layout, topics, &found)),
            Err(code) => return Err(Error::AdminOp(code).into()),
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(TopicError::Wrong(wrong)) }
}

async fn create_missing(
    admin: &AdminClient<LoggingContext>,
    options: &AdminOptions,
    layout: &Layout,
    topics: &[Topic],
) -> Result<Vec<String>, TopicError> {
    let mut wrong = Vec::new();
    for &topic in topics {
        let name = layout.name(topic);
        let (partitions, replication) = (layout.partitions_of(topic) as i32, layout.replication as i32);
        let mut new = NewTopic::new(&name, partitions, TopicReplication::Fixed(replication));
        for (key, _, value, _) in topic.requirements() {
            new = new.set(key, value);
        }
        // A single replica must be on its disk before the broker answers. Of three replicas, two must have the message.
        new = match layout.replication {
            1 => new.set("flush.messages", "1"),
            2 => new,
            _ => new.set("min.insync.replicas", "2"),
        };
        for made in admin.create_topics([&new], options).await? {
            match made {
                Ok(_) => tracing::info!(name, partitions, "created topic {name}"),
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, RDKafkaErrorCode::TopicAuthorizationFailed)) => {
                    tracing::debug!(name, "not allowed to create topics; {name} must exist");
                }
                Err((_, code)) if is_retryable(code) => return Err(Error::AdminOp(code).into()),
                Err((_, code)) => wrong.push(format!("topic {name} cannot be created: {code}")),
            }
        }
    }
    Ok(wrong)
}

fn is_retryable(code: RDKafkaErrorCode) -> bool {
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

/// The number of partitions of a topic, and of replicas of the partition that has fewest; 0 if there is no such topic.
/// A topic that was just created is visible after a moment.
async fn partitions(admin: &AdminClient<LoggingContext>, name: &str) -> Result<(u32, u32), Error> {
    for _ in 0..50 {
        let metadata = admin.inner().fetch_metadata(Some(name), REQUEST_TIMEOUT)?;
        let found = metadata.topics().iter().find(|topic| topic.name() == name);
        let found = found.map_or(&[][..], |topic| topic.partitions());
        if let Some(replicas) = found.iter().map(|partition| partition.replicas().len()).min() {
            return Ok((found.len() as u32, replicas as u32));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok((0, 0))
}

/// Describes the settings of a topic that are not as they must be.
fn wrong_settings(layout: &Layout, topics: &[Topic], found: &ConfigResource) -> Vec<String> {
    let OwnedResourceSpecifier::Topic(name) = &found.specifier else { return Vec::new() };
    let Some(&topic) = topics.iter().find(|&&topic| layout.name(topic) == *name) else { return Vec::new() };
    let values: HashMap<&str, &str> =
        found.entries.iter().filter_map(|entry| Some((&entry.name[..], entry.value.as_deref()?))).collect();
    let mut wrong = Vec::new();
    let for_all = [
        ("unclean.leader.election.enable", Requirement::Is("false"), "", "a broker that missed hits must not lead"),
        ("min.insync.replicas", Requirement::AtLeast(2), "", "one broker alone must not answer for three"),
    ];
    let for_all = &for_all[..if layout.replication >= 3 { 2 } else { 1 }];
    for &(key, requirement, _, why) in topic.requirements().iter().chain(for_all) {
        let Some(&value) = values.get(key) else { continue };
        let number = value.parse::<i64>().unwrap_or(0);
        let (fits, must) = match requirement {
            Requirement::Is(wanted) => (value == wanted, format!("must be {wanted}")),
            Requirement::AtLeast(i64::MAX) => (number == -1, "must be -1".to_owned()),
            Requirement::AtLeast(least) => (number == -1 || number >= least, format!("must be at least {least}")),
            Requirement::AtMost(most) => ((0..=most).contains(&number), format!("must be at most {most}")),
        };
        if !fits {
            wrong.push(format!("topic {name} has {key}={value}, which {must}: {why}"));
        }
    }
    wrong
}

/// Deletes the messages of a partition below an offset.
pub async fn delete_below(
    admin: &AdminClient<LoggingContext>,
    topic: &str,
    partition: i32,
    offset: u64,
) -> Result<(), Error> {
    let mut list = rdkafka::TopicPartitionList::new();
    let offset = rdkafka::Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX));
    list.add_partition_offset(topic, partition, offset)?;
    let options = AdminOptions::new().request_timeout(Some(REQUEST_TIMEOUT)).operation_timeout(Some(REQUEST_TIMEOUT));
    for element in admin.delete_records(&list, &options).await?.elements() {
        element.error()?;
    }
    Ok(())
}

/// A client that creates and describes topics and deletes messages.
pub fn admin(connection: &Connection) -> Result<AdminClient<LoggingContext>, Error> {
    connection.client("footfall-admin").create_with_context(LoggingContext)
}
