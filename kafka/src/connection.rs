//! How the brokers are reached, and the settings that every client of ours has. Certificates and host names are always
//! checked: there is no way to switch that off.

use std::fmt;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;

/// How to reach the brokers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// `HOST:PORT,...`: any of them will do.
    pub brokers: String,
    /// Encrypted, if there is one.
    pub tls: Option<Tls>,
    /// Who we are, if they ask.
    pub login: Option<Login>,
}

/// Whose certificates are believed.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Tls {
    /// A file of certificates (PEM); without, the system's.
    pub ca: Option<PathBuf>,
    /// Our own certificate and its key (PEM), where brokers want one.
    pub own: Option<(PathBuf, PathBuf)>,
}

/// How we sign in.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// Which of SASL's ways.
    pub mechanism: Mechanism,
    /// The name.
    pub user: String,
    /// The password.
    pub password: String,
}

/// SASL's ways that brokers have and that need no further service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 4616. The password travels: only with TLS.
    Plain,
    /// RFC 5802 with SHA-256.
    ScramSha256,
    /// RFC 5802 with SHA-512.
    ScramSha512,
}

impl Mechanism {
    /// All of them.
    pub const ALL: [Mechanism; 3] = [Mechanism::Plain, Mechanism::ScramSha256, Mechanism::ScramSha512];

    /// Its name, as IANA registers it.
    pub fn label(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::ScramSha256 => "SCRAM-SHA-256",
            Mechanism::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("mechanism", &self.mechanism).field("user", &self.user).finish_non_exhaustive()
    }
}

impl Connection {
    /// What every client begins with; `name` is what brokers log.
    pub fn client(&self, name: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", name)
            .set("security.protocol", self.protocol())
            .set("socket.keepalive.enable", "true")
            // A broker that restarts is found again within seconds, not after the default of ten.
            .set("reconnect.backoff.ms", "100")
            .set("reconnect.backoff.max.ms", "2000")
            .set("log.connection.close", "false")
            .set("allow.auto.create.topics", "false")
            .set_log_level(RDKafkaLogLevel::Info);
        if let Some(tls) = &self.tls {
            config
                .set("enable.ssl.certificate.verification", "true")
                .set("ssl.endpoint.identification.algorithm", "https");
            if let Some(ca) = &tls.ca {
                config.set("ssl.ca.location", ca.to_string_lossy());
            }
            if let Some((certificate, key)) = &tls.own {
                config
                    .set("ssl.certificate.location", certificate.to_string_lossy())
                    .set("ssl.key.location", key.to_string_lossy());
            }
        }
        if let Some(login) = &self.login {
            config
                .set("sasl.mechanism", login.mechanism.label())
                .set("sasl.username", &login.user)
                .set("sasl.password", &login.password);
        }
        config
    }

    /// The settings of a producer whose answers mean that every replica in sync has the message, once and in order.
    pub fn producer(&self, name: &str) -> ClientConfig {
        let mut config = self.client(name);
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            // One at a time. A broker that knows nothing of this producer yet takes any number as its first: of two requests
            // under way it may refuse one and take the next (KAFKA-15591), and what comes later then counts as a repeat.
            .set("max.in.flight.requests.per.connection", "1")
            // For as long as it takes: what is sent stands elsewhere until it is answered.
            .set("message.timeout.ms", "0")
            .set("compression.codec", "lz4");
        config
    }

    /// The settings of a consumer that is told what to read and from where, and that leaves no trace at the brokers.
    pub fn reader(&self, name: &str) -> ClientConfig {
        let mut config = self.client(name);
        config
            // The library wants a name; nobody joins it and nothing is committed under it.
            .set("group.id", format!("{name}-unjoined"))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // What is gone is an error, never a jump.
            .set("auto.offset.reset", "error")
            .set("check.crcs", "true")
            .set("fetch.wait.max.ms", "100")
            .set("fetch.error.backoff.ms", "100")
            // Left at its second, a reader that has caught up with its queue's bound waits that long.
            .set("fetch.queue.backoff.ms", "10")
            .set("fetch.message.max.bytes", "4194304")
            .set("queued.min.messages", "1000")
            .set("queued.max.messages.kbytes", "16384");
        config
    }

    /// Waits until a broker answers. The error is what was found instead: a certificate nobody signed, another host's
    /// name, a wrong password. (A client that only asks for something tells no more than that its time is over.)
    pub async fn reach(&self, within: Duration) -> Result<(), Unreached> {
        let mut config = self.reader("footfall-reach");
        // A broker that wants TLS only hangs up on who has none.
        config.set("log.connection.close", "true");
        let asker: BaseConsumer<Heard> = config.create_with_context(Heard::default())?;
        let ask = move || {
            let began = Instant::now();
            loop {
                let last = match asker.fetch_metadata(None, ASK) {
                    Ok(_) => return Ok(()),
                    Err(error) => error,
                };
                // This is how it comes to be told of errors that belong to no question.
                let _nothing_to_read = asker.poll(Duration::ZERO);
                let heard = asker.context().0.lock().ok().and_then(|heard| heard.clone());
                match heard {
                    Some(why) if began.elapsed() >= SETTLED => return Err(Unreached(explained(why))),
                    None if began.elapsed() >= within => return Err(last.into()),
                    Some(_) | None => {}
                }
            }
        };
        let asked = tokio::task::spawn_blocking(ask).await;
        asked.unwrap_or_else(|_| Err(Unreached("whoever asked has stopped".to_owned())))
    }

    fn protocol(&self) -> &'static str {
        match (&self.tls, &self.login) {
            (None, None) => "plaintext",
            (Some(_), None) => "ssl",
            (None, Some(_)) => "sasl_plaintext",
            (Some(_), Some(_)) => "sasl_ssl",
        }
    }
}

/// How long one question waits.
const ASK: Duration = Duration::from_millis(500);
/// What one of several brokers, or one of a host's addresses, is told by within this time may not be the last word.
const SETTLED: Duration = Duration::from_secs(2);

/// Why no broker answers.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreached(String);

impl From<KafkaError> for Unreached {
    fn from(error: KafkaError) -> Unreached {
        Unreached(error.to_string())
    }
}

/// The library does not say which of two faults a certificate has, nor why a broker hangs up at the first word.
fn explained(why: String) -> String {
    let more = if why.contains("certificate verify failed") {
        "; either nobody who is believed has signed it, or it is for another host name"
    } else if why.contains("state APIVERSION_QUERY") {
        "; it hung up at the first word: does it want `tls = true`, or is it no broker?"
    } else {
        ""
    };
    why + more
}

/// The last error that belonged to no question.
#[derive(Default)]
struct Heard(Mutex<Option<String>>);

impl ClientContext for Heard {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(facility, "kafka: {message}");
        // A broker that hangs up is no error to the library, and so comes as none.
        if facility == "FAIL" {
            let words = message.split_once("]: ").map_or(message, |(_thread, words)| words);
            self.keep(words, is_no_reason);
        }
    }

    fn error(&self, _: KafkaError, reason: &str) {
        self.keep(reason, |heard| is_no_reason(heard) || !is_no_reason(reason));
    }
}

impl Heard {
    /// Keeps it if there is nothing yet, or if what there is may go.
    fn keep(&self, words: &str, may_go: impl Fn(&str) -> bool) {
        if let Ok(mut heard) = self.0.lock()
            && heard.as_deref().is_none_or(may_go)
        {
            *heard = Some(words.to_owned());
        }
    }
}

/// It comes after what says why.
fn is_no_reason(words: &str) -> bool {
    words.ends_with("brokers are down")
}

impl ConsumerContext for Heard {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_does_not_print_its_password_and_checks_are_on() {
        let login = Login { mechanism: Mechanism::ScramSha512, user: "u".to_owned(), password: "secret".to_owned() };
        assert!(!format!("{login:?}").contains("secret"));
        let connection = Connection { brokers: "b:1".to_owned(), tls: Some(Tls::default()), login: Some(login) };
        let config = connection.producer("test");
        for (key, value) in [
            ("security.protocol", "sasl_ssl"),
            ("enable.ssl.certificate.verification", "true"),
            ("ssl.endpoint.identification.algorithm", "https"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("acks", "all"),
            ("enable.idempotence", "true"),
        ] {
            assert_eq!(config.get(key), Some(value), "{key}");
        }
    }
}
