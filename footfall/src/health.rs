//! `footfall health`: asks a running Footfall for its health. It is for containers, which hold no other HTTP client.

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::cli;

/// Longest wait for each step of the request.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Sends one request. Every status but 200 is an error.
pub(crate) fn run(args: &cli::HealthArgs) -> Result<(), Box<dyn Error>> {
    let (address, path) = args.at.split_once('/').ok_or("it takes ADDRESS:PORT/PATH")?;
    let mut stream = TcpStream::connect_timeout(&address.parse()?, ANSWER_MAX)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    stream.set_write_timeout(Some(ANSWER_MAX))?;
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    match &head[..] {
        b"HTTP/1.1 200" => Ok(()),
        other => Err(format!("it answers {}", String::from_utf8_lossy(other)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health_of(answer: &'static str) -> Result<(), String> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let at = format!("{}/healthz/ready", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 23];
            stream.read_exact(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            request
        });
        let result = run(&cli::HealthArgs { at }).map_err(|error| error.to_string());
        assert_eq!(&server.join().unwrap()[..], b"GET /healthz/ready HTTP");
        result
    }

    #[test]
    fn only_status_200_is_healthy() {
        assert_eq!(health_of("HTTP/1.1 200 OK\r\n\r\n"), Ok(()));
        assert_eq!(health_of("HTTP/1.1 503 Service Unavailable\r\n\r\n"), Err("it answers HTTP/1.1 503".to_owned()));
        assert!(health_of("").is_err());
        assert!(run(&cli::HealthArgs { at: "127.0.0.1:9".to_owned() }).is_err());
    }
}
