//! Errors of ClickHouse and of its client.

/// An error of the ClickHouse client or server.
pub type Error = clickhouse::error::Error;

/// What a request to ClickHouse returns.
pub type Result<T> = std::result::Result<T, Error>;

/// The error and its causes in one line. Only the last cause names, for example, a certificate that is not trusted.
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = chain.map(ToString::to_string).collect();
    // Some errors end with the text of their cause.
    texts.dedup_by(|later, earlier| earlier.ends_with(later.as_str()));
    texts.join(": ")
}
