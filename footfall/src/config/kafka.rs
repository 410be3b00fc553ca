//! The `[kafka]` table: the brokers and the layout of Footfall's topics. Only the commands for many machines need it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kafka::{Connection, Layout, Login, Mechanism, Tls};
use schema::round::IMPORT_SHARD_MIN;

use super::file_path;
use super::keys::TomlTable;

/// The table's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KafkaConfig {
    /// How to reach the brokers.
    pub(crate) connection: Connection,
    /// The names, partitions and copies of the topics.
    pub(crate) layout: Layout,
    /// The consumer group of the aggregators.
    pub(crate) group: String,
    /// The name of this process in the group.
    pub(crate) instance: String,
    /// The group's session timeout: after it, a silent aggregator's partitions are assigned to others.
    pub(crate) session: Duration,
    /// The file of the deployment's keys, which turn the shares on Kafka into salts.
    pub(crate) salt_keys: PathBuf,
}

/// Reads the table, if the file has one. Mistakes are noted in `file`.
pub(super) fn read(
    file: &TomlTable<'_>,
    folder: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Option<KafkaConfig> {
    let keys = file.table("kafka", "[kafka]")?;
    let whole = |from, to| move |value: super::keys::TomlValue<'_>| value.number(from..=to);
    let file_at = |key| keys.optional(key, |value| file_path(value.text()?, folder));
    let brokers = keys.required("brokers", |value| brokers(value.text()?));
    let prefix = keys.or("topic_prefix", String::new(), |value| kafka_name(value.text()?));
    let partitions = keys.or("partitions", 16, whole(1, u64::from(IMPORT_SHARD_MIN)));
    let replication = keys.or("replication", 3, whole(1, 9));
    let group = keys.or("group", "footfall".to_owned(), |value| not_empty(kafka_name(value.text()?)?));
    let instance = keys.optional("instance", |value| not_empty(kafka_name(value.text()?)?));
    let session_s = keys.or("session_s", 30, whole(6, 1800));
    let salt_keys = keys.or("salt_keys", folder.join("salt-keys"), |value| file_path(value.text()?, folder));
    let tls = keys.or("tls", false, |value| value.boolean());
    let (ca, certificate, key) = (file_at("ca"), file_at("certificate"), file_at("key"));
    let mechanism = keys.optional("mechanism", |value| mechanism(value.text()?));
    let user = keys.optional("user", |value| not_empty(value.text()?.to_owned()));
    if !tls && (ca.is_some() || certificate.is_some() || key.is_some()) {
        keys.note(None, "`ca`, `certificate` and `key` mean nothing without `tls = true`".to_owned());
    }
    if certificate.is_some() != key.is_some() {
        keys.note(None, "`certificate` and `key` belong together: one of them is missing".to_owned());
    }
    if mechanism.is_some() != user.is_some() {
        keys.note(None, "`mechanism` and `user` belong together: one of them is missing".to_owned());
    }
    if mechanism == Some(Mechanism::Plain) && !tls {
        keys.note(None, "`mechanism = \"PLAIN\"` sends the password as it is: it needs `tls = true`".to_owned());
    }
    let password = variable("KAFKA_PASSWORD");
    if user.is_some() && password.is_none() {
        keys.note(None, "`user` needs a password: set the variable KAFKA_PASSWORD".to_owned());
    }
    keys.refuse_unknown_keys();
    let login =
        mechanism.zip(user).map(|(mechanism, user)| Login { mechanism, user, password: password.unwrap_or_default() });
    Some(KafkaConfig {
        connection: Connection { brokers: brokers?, tls: tls.then(|| Tls { ca, own: certificate.zip(key) }), login },
        layout: Layout { prefix, partitions: partitions as u32, replication: replication as u32 },
        group,
        instance: variable("FOOTFALL_INSTANCE").or(instance).unwrap_or_else(host_name),
        session: Duration::from_secs(session_s),
        salt_keys,
    })
}

/// The host name of this machine.
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn brokers(text: &str) -> Result<String, String> {
    let is_one = |broker: &str| {
        let Some((host, port)) = broker.trim().rsplit_once(':') else { return false };
        !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c == '/') && port.parse::<u16>().is_ok()
    };
    match text.split(',').all(is_one) {
        true => Ok(text.to_owned()),
        false => Err(format!("must be like \"kafka-1:9092,kafka-2:9092\", not \"{text}\"")),
    }
}

/// A name of a topic or a group, by Kafka's own rule.
fn kafka_name(text: &str) -> Result<String, String> {
    let fits = text.len() <= 200 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if fits { Ok(text.to_owned()) } else { Err(format!("may hold letters, digits, `.`, `_` and `-`, not \"{text}\"")) }
}

fn not_empty(text: String) -> Result<String, String> {
    if text.is_empty() { Err("is empty".to_owned()) } else { Ok(text) }
}

fn mechanism(text: &str) -> Result<Mechanism, String> {
    let known = Mechanism::ALL.iter().copied().find(|mechanism| mechanism.label() == text);
    known.ok_or_else(|| {
        let all: Vec<_> = Mechanism::ALL.iter().map(|mechanism| format!("\"{}\"", mechanism.label())).collect();
        format!("must be one of {}, not \"{text}\"", all.join(", "))
    })
}
