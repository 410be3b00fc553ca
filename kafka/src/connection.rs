//! How the brokers are reached: the settings of every client. Certificates and host names are always checked; no
//! setting switches that off.

use std::fmt;
use std::path::PathBuf;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use strum::{IntoStaticStr, VariantArray};

/// How to reach the brokers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// `HOST:PORT,...`: some of the brokers; the client finds the others.
    pub brokers: String,
    /// If present, the connection is encrypted.
    pub tls: Option<Tls>,
    /// If present, the client signs in.
    pub login: Option<Login>,
}

/// Which certificates are trusted, and our own.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Tls {
    /// A file of trusted certificates (PEM); if absent, those of the system.
    pub ca: Option<PathBuf>,
    /// Our own certificate and its key (PEM), if the brokers require one.
    pub own: Option<(PathBuf, PathBuf)>,
}

/// How the client signs in.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The SASL mechanism.
    pub mechanism: Mechanism,
    /// The user name.
    pub user: String,
    /// The password.
    pub password: String,
}

/// The SASL mechanisms of brokers that need no other service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
pub enum Mechanism {
    /// RFC 4616. It sends the password, so it is for connections with TLS only.
    #[strum(serialize = "PLAIN")]
    Plain,
    /// RFC 5802 with SHA-256.
    #[strum(serialize = "SCRAM-SHA-256")]
    ScramSha256,
    /// RFC 5802 with SHA-512.
    #[strum(serialize = "SCRAM-SHA-512")]
    ScramSha512,
}

impl Mechanism {
    /// All mechanisms.
    pub const ALL: &'static [Mechanism] = Mechanism::VARIANTS;

    /// The name that is registered with IANA.
    pub fn label(self) -> &'static str {
        self.into()
    }
}

impl fmt::Debug for Login {
    /// Leaves out the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("mechanism", &self.mechanism).field("user", &self.user).finish_non_exhaustive()
    }
}

impl Connection {
    /// The settings that every client has. `name` is the name of the client in the log of the brokers.
    pub fn client(&self, name: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", name)
            .set("security.protocol", self.protocol())
            .set("socket.keepalive.enable", "true")
            // With the default of 10 s a client finds a restarted broker late.
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

    /// The settings of a producer. An answer means that every replica in sync has the message, once and in order.
    pub fn producer(&self, name: &str) -> ClientConfig {
        let mut config = self.client(name);
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            // With more than one request under way, a broker that has no state of this producer yet may refuse the
            // first request and accept the second (KAFKA-15591). When the first is sent again, the broker takes it for
            // a repeat.
            .set("max.in.flight.requests.per.connection", "1")
            // No deadline: the sender has the message in storage until it is answered.
            .set("message.timeout.ms", "0")
            .set("compression.codec", "lz4");
        config
    }

    /// The settings of a consumer outside any group: the caller assigns partitions and offsets, and the brokers store
    /// nothing about it.
    pub fn reader(&self, name: &str) -> ClientConfig {
        let mut config = self.client(name);
        config
            // The library requires a group name. No client joins this group, and nothing is committed in it.
            .set("group.id", format!("{name}-unjoined"))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // An offset that is not there is an error. The reader must not skip to another one.
            .set("auto.offset.reset", "error")
            .set("check.crcs", "true")
            .set("fetch.wait.max.ms", "100")
            .set("fetch.error.backoff.ms", "100")
            // With the default of 1 s a reader whose queue was full waits that long before it fetches again.
            .set("fetch.queue.backoff.ms", "10")
            .set("fetch.message.max.bytes", "4194304")
            .set("queued.min.messages", "1000")
            .set("queued.max.messages.kbytes", "16384");
        config
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_printed_and_certificates_are_checked() {
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
