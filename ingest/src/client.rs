//! The address of whoever sent a hit, for as long as it takes to truncate it.
//!
//! In come the socket's peer and what trusted proxies say about whom they speak for; out goes a [`Prefix`]. No other
//! module may name an address, and nothing here keeps, prints or returns one but the first of a truncated network.

#![expect(clippy::disallowed_types, reason = "personal data: this is the room where an address is truncated")]

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;

/// What is left of an address: its /24 (IPv4) or /48 (IPv6). It cannot be printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    bytes: [u8; 6],
    len: u8,
}

impl Prefix {
    /// Where there is no address at all.
    pub const UNKNOWN: Prefix = Prefix { bytes: [0; 6], len: 0 };

    /// The prefix of an address as text; [`Prefix::UNKNOWN`] if the text is none (a host name in a log, say).
    pub fn of_text(text: &str) -> Prefix {
        text.parse().map_or(Prefix::UNKNOWN, truncate)
    }

    /// The first address of the network, to look up where it is; `None` where there is no address at all.
    pub(crate) fn network(&self) -> Option<IpAddr> {
        match *self.bytes() {
            [] => None,
            [a, b, c] => Some(IpAddr::from([a, b, c, 0])),
            _ => {
                let mut octets = [0; 16];
                octets[..6].copy_from_slice(&self.bytes);
                Some(IpAddr::from(octets))
            }
        }
    }

    /// What goes into the visitor's hash.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prefix(..)")
    }
}

/// Who sent a request: the socket's peer, or, if that is a trusted proxy, whom the proxies forwarded for.
///
/// `forwarded` are the values of `X-Forwarded-For` in the order they arrived. They are walked from the right, the end
/// that the nearest proxy wrote, to the first address that is no trusted proxy: what stands further left is the
/// sender's own claim. Text that is no address ends the walk at the proxy that passed it on.
pub fn prefix<'a>(
    peer: Option<SocketAddr>,
    forwarded: impl DoubleEndedIterator<Item = &'a str>,
    trusted: &[IpNet],
) -> Prefix {
    let Some(peer) = peer else { return Prefix::UNKNOWN };
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    let mut client = peer.ip().to_canonical();
    for hop in forwarded.rev().flat_map(|value| value.rsplit(',')) {
        if !is_trusted(&client) {
            break;
        }
        let Some(address) = address(hop.trim()) else { break };
        client = address;
    }
    truncate(client)
}

/// Reads `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]` and `[2001:db8::1]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

fn truncate(address: IpAddr) -> Prefix {
    let mut bytes = [0; 6];
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            bytes[..3].copy_from_slice(&v4.octets()[..3]);
            Prefix { bytes, len: 3 }
        }
        IpAddr::V6(v6) => match v6.octets() {
            // 6to4 (RFC 3056) has a whole IPv4 address in its first 48 bits: it is truncated as that address is.
            [0x20, 0x02, a, b, c, ..] => truncate(Ipv4Addr::new(a, b, c, 0).into()),
            octets => {
                bytes.copy_from_slice(&octets[..6]);
                Prefix { bytes, len: 6 }
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> Prefix {
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        prefix(Some(SocketAddr::new(peer.parse().unwrap(), 4711)), forwarded.iter().copied(), &trusted)
    }

    #[test]
    fn only_the_first_24_or_48_bits_are_left() {
        assert_eq!(Prefix::of_text("203.0.113.77").bytes(), [203, 0, 113]);
        assert_eq!(Prefix::of_text("::ffff:203.0.113.77").bytes(), [203, 0, 113], "a mapped address is an IPv4 one");
        assert_eq!(Prefix::of_text("2001:db8:7:8::9").bytes(), [0x20, 0x01, 0x0d, 0xb8, 0, 7]);
        assert_eq!(Prefix::of_text("2002:cb00:714d::1").bytes(), [203, 0, 113], "6to4 holds a whole IPv4 address");
        assert_eq!(Prefix::of_text("host.example"), Prefix::UNKNOWN);
    }

    #[test]
    fn what_is_looked_up_is_the_networks_first_address() {
        let network = |text| Prefix::of_text(text).network().map(|address| address.to_string());
        assert_eq!(network("203.0.113.77").unwrap(), "203.0.113.0");
        assert_eq!(network("::ffff:203.0.113.77").unwrap(), "203.0.113.0");
        assert_eq!(network("2001:db8:7:8::9").unwrap(), "2001:db8:7::");
        assert_eq!(network("host.example"), None);
    }

    #[test]
    fn a_stranger_cannot_say_whom_it_speaks_for() {
        assert_eq!(seen("198.51.100.1", &["203.0.113.77"], &[]), Prefix::of_text("198.51.100.0"));
        assert_eq!(seen("198.51.100.1", &["203.0.113.77"], &["10.0.0.0/8"]), Prefix::of_text("198.51.100.0"));
    }

    #[test]
    fn the_list_is_walked_from_the_right_to_the_first_address_not_trusted() {
        let trusted = ["10.0.0.0/8", "2001:db8:aaaa::/48"];
        for (forwarded, want) in [
            (&["203.0.113.77"][..], "203.0.113.77"),
            (&["192.0.2.66, 203.0.113.77"], "203.0.113.77"),
            (&["192.0.2.66", "203.0.113.77, 10.9.9.9"], "203.0.113.77"),
            (&["192.0.2.66,203.0.113.77:52044, [2001:db8:aaaa::1]:443"], "203.0.113.77"),
            (&["[2001:db8:7::1]"], "2001:db8:7::"),
            (&["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
            (&["192.0.2.66, unknown, 10.9.9.9"], "10.9.9.9"),
            (&[""], "10.0.0.1"),
            (&[], "10.0.0.1"),
        ] {
            assert_eq!(seen("10.0.0.1", forwarded, &trusted), Prefix::of_text(want), "{forwarded:?}");
            assert_eq!(
                seen("::ffff:10.0.0.1", forwarded, &trusted),
                Prefix::of_text(want),
                "mapped peer, {forwarded:?}"
            );
        }
    }

    #[test]
    fn a_prefix_cannot_be_printed() {
        assert_eq!(format!("{:?}", Prefix::of_text("203.0.113.77")), "Prefix(..)");
    }
}
