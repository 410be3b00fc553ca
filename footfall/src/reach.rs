//! A client of the ClickHouse that the configuration names, over HTTP or over TLS.
//!
//! Certificates and host names are always checked: there is no way to switch that off. Nothing is sent, not even a name
//! or a password, before they are found right.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clickhouse::Client;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use warehouse::{Warehouse, error_chain};

use crate::config::{ClickHouse, Config};
use crate::engine::Engine;

/// As the client's own: shorter than the 3 s after which a server ends a connection that nothing comes over.
const POOL_IDLE: Duration = Duration::from_secs(2);
/// Between two looks of the kernel for a peer that is gone.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// The server of the environment, or the engine that was started. An error is a sentence.
pub(crate) fn client(clickhouse: &ClickHouse, engine: Option<&Engine>) -> Result<Client, String> {
    match (clickhouse, engine) {
        (ClickHouse::Server { url, ca, user, password }, _) => {
            let client = match url.starts_with("https://") {
                true => encrypted(ca.as_deref())?,
                false => Client::default(),
            };
            Ok(client.with_url(url).with_user(user).with_password(password))
        }
        (ClickHouse::Embedded { .. }, Some(engine)) => Ok(Client::default().with_url(engine.url())),
        (ClickHouse::Embedded { .. }, None) => Ok(Client::default()),
    }
}

/// The tables behind this client, kept as the configuration says.
pub(crate) fn warehouse(config: &Config, client: Client) -> Warehouse {
    Warehouse::new(client).replicated(config.replicated_tables)
}

/// Says in the log why ClickHouse does not answer, if it does not: what comes later may be far from whoever starts this.
pub(crate) async fn look(client: &Client) {
    if let Err(error) = warehouse::ping(client).await {
        tracing::warn!(error = error_chain(&error), "ClickHouse does not answer yet");
    }
}

fn encrypted(ca: Option<&Path>) -> Result<Client, String> {
    let mut connector = HttpConnector::new();
    connector.set_keepalive(Some(KEEPALIVE));
    // The one below says what is not encrypted.
    connector.enforce_http(false);
    let builder = HttpsConnectorBuilder::new();
    let builder = match ca {
        Some(ca) => builder.with_tls_config(only(ca)?),
        None => builder.with_provider_and_native_roots(default_provider()).map_err(|error| {
            format!("CLICKHOUSE_URL: the system's certificates cannot be read ({error}); CLICKHOUSE_CA can name others")
        })?,
    };
    let connector = builder.https_only().enable_http1().wrap_connector(connector);
    let client = HttpClient::builder(TokioExecutor::new()).pool_idle_timeout(POOL_IDLE).build(connector);
    Ok(Client::with_http_client(client))
}

/// TLS that believes what these certificates have signed and nothing else.
fn only(ca: &Path) -> Result<ClientConfig, String> {
    let unread = |says: String| format!("CLICKHOUSE_CA {}: {says}", ca.display());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).map_err(|error| unread(error.to_string()))? {
        let certificate = certificate.map_err(|error| unread(error.to_string()))?;
        roots.add(certificate).map_err(|error| unread(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unread("there is no certificate in it".to_owned()));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
