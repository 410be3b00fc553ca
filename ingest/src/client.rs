//! The address of whoever sent a hit, for as long as it takes to truncate it.
//!
//! In come the socket's peer and what trusted proxies say about whom they speak for; out goes a [`Prefix`]. No other
//! module may name an address, and nothing here keeps, prints or returns one but the first of a truncated network.
//!
//! One header is read and no other: `X-Forwarded-For`, or `Forwarded` (RFC 7239) if the configuration says so. A proxy that
//! writes one lets the other through as its client sent it, so to believe both is to believe the client.
//!
//! The PROXY protocol is not understood: its line comes before the first head, and actix lets nobody read a socket before
//! its own parser does. To read it we would have to leave actix-web's server for one of our own. What speaks it (HAProxy,
//! nginx, most load balancers) can write one of the two headers instead, or keep the client's address on the socket.

#![expect(clippy::disallowed_types, reason = "personal data: this is the room where an address is truncated")]

mod forwarded;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

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

    /// Whether it is a part of this network, which is no finer than a prefix.
    pub(crate) fn is_in(&self, network: &IpNet) -> bool {
        match (network, self.bytes()) {
            (IpNet::V4(network), &[a, b, c]) => network.contains(&Ipv4Addr::from([a, b, c, 0])),
            (IpNet::V6(network), &[a, b, c, d, e, f]) => {
                let mut octets = [0; 16];
                octets[..6].copy_from_slice(&[a, b, c, d, e, f]);
                network.contains(&Ipv6Addr::from(octets))
            }
            (IpNet::V4(_) | IpNet::V6(_), _) => false,
        }
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prefix(..)")
    }
}

/// The header by which proxies say whom they speak for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// `X-Forwarded-For`: addresses.
    XForwardedFor,
    /// `Forwarded`: elements, each with a `for`.
    Forwarded,
}

/// Whose word about a client's address is taken, and where it stands.
#[derive(Debug, Clone)]
pub struct Proxies {
    /// Their networks.
    pub trusted: Vec<IpNet>,
    /// What they write.
    pub header: Header,
}

impl Proxies {
    /// Who sent a request: the socket's peer, or, if that is a trusted proxy, whom the proxies forwarded for.
    ///
    /// `values` are those of the header, in the order they arrived. They are walked from the right, the end that the
    /// nearest proxy wrote, to the first address that is no trusted proxy: what stands further left is the sender's own
    /// claim. What is no address (`unknown`, `_hidden`, a malformed element) ends the walk at the proxy that passed it on.
    pub fn prefix<'a>(&self, peer: Option<SocketAddr>, values: impl DoubleEndedIterator<Item = &'a str>) -> Prefix {
        let Some(peer) = peer else { return Prefix::UNKNOWN };
        let is_trusted = |address: &IpAddr| self.trusted.iter().any(|net| net.contains(address));
        let mut client = peer.ip().to_canonical();
        // A comma in a quoted part of `Forwarded` cuts its element in two; then neither is well formed, and that is an end.
        for hop in values.rev().flat_map(|value| value.rsplit(',')) {
            if !is_trusted(&client) {
                break;
            }
            let whom = match self.header {
                Header::XForwardedFor => Some(hop.trim_ascii()),
                Header::Forwarded => forwarded::whom(hop),
            };
            let Some(address) = whom.and_then(address) else { break };
            client = address;
        }
        truncate(client)
    }
}

/// Reads `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`, and a port that is hidden
/// (`192.0.2.1:_a`).
fn address(text: &str) -> Option<IpAddr> {
    let with_more = |_| {
        let text = text.rsplit_once(":_").map_or(text, |(address, _port)| address);
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()))
    };
    let address = text.parse().or_else(with_more); // most are nothing but an address
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
        by(Header::XForwardedFor, peer, forwarded, trusted)
    }

    fn by(header: Header, peer: &str, values: &[&str], trusted: &[&str]) -> Prefix {
        let trusted = trusted.iter().map(|net| net.parse().unwrap()).collect();
        let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
        Proxies { trusted, header }.prefix(Some(peer), values.iter().copied())
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
    fn the_elements_of_rfc_7239_are_walked_alike() {
        let trusted = ["10.0.0.0/8", "2001:db8:aaaa::/48"];
        for (values, want) in [
            (&["for=203.0.113.77"][..], "203.0.113.77"),
            (&["for=192.0.2.66, for=203.0.113.77;proto=https"], "203.0.113.77"),
            (&["for=192.0.2.66", "For=\"203.0.113.77:8080\", for=10.9.9.9"], "203.0.113.77"),
            (&["for=203.0.113.77;by=_x,for=\"[2001:db8:aaaa::1]:443\""], "203.0.113.77"),
            (&["for=\"[2001:db8:7::1]:_port\""], "2001:db8:7::"),
            (&["for=192.0.2.66, for=_hidden, for=10.9.9.9"], "10.9.9.9"),
            (&["for=192.0.2.66, for=unknown"], "10.0.0.1"),
            (&["for=192.0.2.66, proto=https"], "10.0.0.1"),
            (&["192.0.2.66"], "10.0.0.1"),
            // A quote that the sender left open swallows nothing of what the proxy wrote.
            (&["for=\"192.0.2.66, for=203.0.113.77"], "203.0.113.77"),
            (&["for=\"192.0.2.66", "for=203.0.113.77"], "203.0.113.77"),
            // Nor does a host with a comma in it forge an address.
            (&["for=203.0.113.77;host=\"a,for=192.0.2.66\""], "10.0.0.1"),
            (&[], "10.0.0.1"),
        ] {
            assert_eq!(by(Header::Forwarded, "10.0.0.1", values, &trusted), Prefix::of_text(want), "{values:?}");
        }
        assert_eq!(
            by(Header::Forwarded, "198.51.100.1", &["for=203.0.113.77"], &trusted),
            Prefix::of_text("198.51.100.1")
        );
    }

    #[test]
    fn a_prefix_is_in_the_networks_that_hold_all_of_it() {
        for (network, address, is_in) in [
            ("203.0.113.0/24", "203.0.113.9", true),
            ("203.0.112.0/22", "203.0.113.9", true),
            ("203.0.114.0/24", "203.0.113.9", false),
            ("2001:db8::/32", "2001:db8:7::1", true),
            ("2001:db8:7::/48", "2001:db8:8::1", false),
            ("::/0", "203.0.113.9", false),
            ("0.0.0.0/0", "no address", false),
        ] {
            assert_eq!(Prefix::of_text(address).is_in(&network.parse().unwrap()), is_in, "{network} {address}");
        }
    }

    #[test]
    fn a_prefix_cannot_be_printed() {
        assert_eq!(format!("{:?}", Prefix::of_text("203.0.113.77")), "Prefix(..)");
    }
}
