//! The parts that other tests lean on: they keep their data, and they leave nothing behind.

mod clickhouse;
mod kafka;

#[test]
fn a_port_is_free_and_given_once() {
    let ports: Vec<u16> = (0..50).map(|_| testbed::free_port()).collect();
    let listeners = ports.iter().map(|&port| std::net::TcpListener::bind(("127.0.0.1", port)));
    // Whatever else runs on this machine may take one in between.
    assert!(listeners.filter(Result::is_ok).count() >= 45);
    let distinct: std::collections::BTreeSet<u16> = ports.into_iter().collect();
    assert_eq!(distinct.len(), 50);
}
