//! Certificates for one test, and a proxy that terminates TLS before a server that has none.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A certificate authority.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    files: Files,
}

/// PEM files of a certificate, of its key, and of both together. They are deleted when this is dropped.
pub(super) struct Files {
    _dir: TempDir,
    certificate: PathBuf,
    key: PathBuf,
    both: PathBuf,
}

impl Files {
    fn write(certificate: &str, key: &str) -> Files {
        let dir = TempDir::new().unwrap();
        let file = |name: &str, text: String| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (both, certificate) = (format!("{key}{certificate}"), certificate.to_owned());
        let (certificate, key) = (file("certificate.pem", certificate), file("key.pem", key.to_owned()));
        Files { both: file("both.pem", both), certificate, key, _dir: dir }
    }

    /// The file with key and certificate, as Kafka reads it.
    pub(super) fn key_and_chain_file(&self) -> &str {
        self.both.to_str().unwrap()
    }
}

impl Authority {
    /// `name` is the authority's own name. Two authorities of one name would differ only in their signatures.
    pub(super) fn new(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let files = Files::write(&params.self_signed(&key).unwrap().pem(), &key.serialize_pem());
        Authority { issuer: Issuer::new(params, key), files }
    }

    pub(super) fn certificate_file(&self) -> &str {
        self.files.certificate.to_str().unwrap()
    }

    pub(super) fn key_file(&self) -> &str {
        self.files.key.to_str().unwrap()
    }

    /// A certificate for a server of this name.
    pub(super) fn sign(&self, name: &str) -> Files {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Files::write(&certificate.pem(), &key.serialize_pem())
    }
}

/// A proxy that terminates TLS and records what clients sent inside.
pub(super) struct TlsEnd {
    pub(super) port: u16,
    received: Arc<Mutex<Vec<u8>>>,
}

impl TlsEnd {
    /// Starts the proxy before the server at `url`. It runs until the test's runtime ends.
    pub(super) async fn before(url: &str, files: &Files) -> TlsEnd {
        let certificate = CertificateDer::from_pem_file(&files.certificate).unwrap();
        let key = PrivateKeyDer::from_pem_file(&files.key).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let behind = url.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, received) = (listener.local_addr().unwrap().port(), Arc::new(Mutex::new(Vec::new())));
        let record = Arc::clone(&received);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, behind, record) = (acceptor.clone(), behind.clone(), Arc::clone(&record));
                tokio::spawn(async move {
                    // A client that does not trust the certificate ends the connection here.
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    pass(stream, TcpStream::connect(behind).await.unwrap(), &record).await;
                });
            }
        });
        TlsEnd { port, received }
    }

    /// Everything that clients have sent inside TLS.
    pub(super) fn received(&self) -> Vec<u8> {
        self.received.lock().clone()
    }
}

async fn pass(client: tokio_rustls::server::TlsStream<TcpStream>, server: TcpStream, record: &Mutex<Vec<u8>>) {
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (tokio::io::split(client), server.into_split());
    let up = async {
        let mut buffer = [0; 16_384];
        while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
            record.lock().extend_from_slice(&buffer[..read]);
            if to_server.write_all(&buffer[..read]).await.is_err() {
                break;
            }
        }
        // Either side may have closed the connection already.
        let _gone = to_server.shutdown().await;
    };
    let down = async {
        let _gone = copy(&mut from_server, &mut to_client).await;
        let _gone = to_client.shutdown().await;
    };
    tokio::join!(up, down);
}
