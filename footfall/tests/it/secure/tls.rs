//! Certificates made for one test, and an end of TLS before a server that has none.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Who signs.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    files: Files,
}

/// A certificate, its key, and both in one: PEM files that are gone when this is dropped.
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

    /// As Kafka wants it.
    pub(super) fn key_and_chain_file(&self) -> &str {
        self.both.to_str().unwrap()
    }
}

impl Authority {
    /// `name` is what it calls itself: two of one name are not told apart before their signatures are.
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

/// Takes TLS off what comes, and keeps what was said inside.
pub(super) struct TlsEnd {
    pub(super) port: u16,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl TlsEnd {
    /// Before the server at `url`, for as long as the test's runtime lives.
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
        let (port, heard) = (listener.local_addr().unwrap().port(), Arc::new(Mutex::new(Vec::new())));
        let keep = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, behind, keep) = (acceptor.clone(), behind.clone(), Arc::clone(&keep));
                tokio::spawn(async move {
                    // Whoever does not believe the certificate goes away here.
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    pass(stream, TcpStream::connect(behind).await.unwrap(), &keep).await;
                });
            }
        });
        TlsEnd { port, heard }
    }

    /// Everything that clients have said inside TLS.
    pub(super) fn heard(&self) -> Vec<u8> {
        self.heard.lock().unwrap().clone()
    }
}

async fn pass(client: tokio_rustls::server::TlsStream<TcpStream>, server: TcpStream, keep: &Mutex<Vec<u8>>) {
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (tokio::io::split(client), server.into_split());
    let up = async {
        let mut buffer = [0; 16_384];
        while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
            keep.lock().unwrap().extend_from_slice(&buffer[..read]);
            if to_server.write_all(&buffer[..read]).await.is_err() {
                break;
            }
        }
        // Either side may have gone already.
        let _gone = to_server.shutdown().await;
    };
    let down = async {
        let _gone = copy(&mut from_server, &mut to_client).await;
        let _gone = to_client.shutdown().await;
    };
    tokio::join!(up, down);
}
