//! The servers that other tests use: they keep their data over a restart, and they leave no process and no file behind.

mod clickhouse;
mod kafka;

#[test]
fn a_free_port_has_no_listener_and_is_returned_once() {
    let ports: Vec<u16> = (0..50).map(|_| testbed::free_port()).collect();
    let listeners = ports.iter().map(|&port| std::net::TcpListener::bind(("127.0.0.1", port)));
    // Another program on this machine can take some of the ports in between.
    assert!(listeners.filter(Result::is_ok).count() >= 45);
    let distinct: std::collections::BTreeSet<u16> = ports.into_iter().collect();
    assert_eq!(distinct.len(), 50);
}
