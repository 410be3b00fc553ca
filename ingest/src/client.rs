//! The address of the client that sent a hit, only until it is truncated.
//!
//! In come the socket's peer and the header in which trusted proxies name their client; out goes a [`Prefix`]. No other
//! module may name an address. This module stores and prints none, and the only address that it returns is the first of
//! a truncated network.
//!
//! Only one header is read: `X-Forwarded-For`, or `Forwarded` (RFC 7239) if the configuration names that. A proxy that
//! writes one of them passes the other on as its client sent it, so if both were trusted, the client would be trusted.
//!
//! The PROXY protocol is not supported: its line comes before the first head, and nothing can read a socket of actix
//! before actix's own parser does. To read it we would need a server of our own in place of actix-web's. Proxies that
//! have this protocol (HAProxy, nginx, most load balancers) can write one of the two headers instead, or keep the
//! client's address on the socket.

#![expect(clippy::disallowed_types, reason = "personal data: this is the module in which an address is truncated")]

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
    /// The prefix if there is no address at all.
    pub const UNKNOWN: Prefix = Prefix { bytes: [0; 6], len: 0 };

    /// The prefix of an address as text; [`Prefix::UNKNOWN`] if the text is not an address (a host name in a log, say).
    pub fn of_text(text: &str) -> Prefix {
        text.parse().map_or(Prefix::UNKNOWN, truncate)
    }

    /// The first address of the network, to look up its place; `None` if there is no address at all.
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

    /// The bytes that go into the hash of the visitor.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Whether all of it is in this network. The network must not be smaller than a prefix.
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

/// The header in which proxies write the address of their client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyHeader {
    /// `X-Forwarded-For`: addresses.
    XForwardedFor,
    /// `Forwarded`: elements, each with a `for`.
    Forwarded,
}

/// The proxies that are trusted to name their client.
#[derive(Debug, Clone)]
pub struct Proxies {
    /// Their networks.
    pub trusted: Vec<IpNet>,
    /// The header that they write.
    pub header: ProxyHeader,
}

impl Proxies {
    /// The prefix of the client that sent a request: the socket's peer or, if that is a trusted proxy, the client that
    /// the proxies forwarded the request for.
    ///
    /// `values` are those of the header, in the order of the request. They are read from the right, where the nearest
    /// proxy wrote, to the first address that is not a trusted proxy: everything further left is only what the client
    /// claims. An element without an address (`unknown`, `_hidden`, malformed) ends the search at the proxy that passed
    /// it on.
    pub fn prefix<'a>(&self, peer: Option<SocketAddr>, values: impl DoubleEndedIterator<Item = &'a str>) -> Prefix {
        let Some(peer) = peer else { return Prefix::UNKNOWN };
        let is_trusted = |address: &IpAddr| self.trusted.iter().any(|net| net.contains(address));
        let mut client = peer.ip().to_canonical();
        // A comma in a quoted part of `Forwarded` cuts its element in two. Neither half is well formed, which ends the
        // search.
        for hop in values.rev().flat_map(|value| value.rsplit(',')) {
            if !is_trusted(&client) {
                break;
            }
            let text = match self.header {
                ProxyHeader::XForwardedFor => Some(hop.trim_ascii()),
                ProxyHeader::Forwarded => forwarded::client_of(hop),
            };
            let Some(address) = text.and_then(parse_address) else { break };
            client = address;
        }
        truncate(client)
    }
}

/// Parses `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`, and an address with an
/// obfuscated port (`192.0.2.1:_a`).
fn parse_address(text: &str) -> Option<IpAddr> {
    let with_port_or_brackets = |_| {
        let text = text.rsplit_once(":_").map_or(text, |(address, _port)| address);
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()))
    };
    let address = text.parse().or_else(with_port_or_brackets); // most are only an address
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
            // The first 48 bits of a 6to4 address (RFC 3056) contain a whole IPv4 address: truncated like that one.
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
        by(ProxyHeader::XForwardedFor, peer, forwarded, trusted)
    }

    fn by(header: ProxyHeader, peer: &str, values: &[&str], trusted: &[&str]) -> Prefix {
        let trusted = trusted.iter().map(|net| net.parse().unwrap()).collect();
        let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
        Proxies { trusted, header }.prefix(Some(peer), values.iter().copied())
    }

    #[test]
    fn only_the_first_24_or_48_bits_are_left() {
        assert_eq!(Prefix::of_text("203.0.113.77").bytes(), [203, 0, 113]);
        assert_eq!(
            Prefix::of_text("::ffff:203.0.113.77").bytes(),
            [203, 0, 113],
            "a mapped address is truncated as the IPv4 address"
        );
        assert_eq!(Prefix::of_text("2001:db8:7:8::9").bytes(), [0x20, 0x01, 0x0d, 0xb8, 0, 7]);
        assert_eq!(Prefix::of_text("2002:cb00:714d::1").bytes(), [203, 0, 113], "6to4 contains a whole IPv4 address");
        assert_eq!(Prefix::of_text("host.example"), Prefix::UNKNOWN);
    }

    #[test]
    fn a_place_is_looked_up_for_the_first_address_of_the_network() {
        let network = |text| Prefix::of_text(text).network().map(|address| address.to_string());
        assert_eq!(network("203.0.113.77").unwrap(), "203.0.113.0");
        assert_eq!(network("::ffff:203.0.113.77").unwrap(), "203.0.113.0");
        assert_eq!(network("2001:db8:7:8::9").unwrap(), "2001:db8:7::");
        assert_eq!(network("host.example"), None);
    }

    #[test]
    fn a_peer_that_is_not_a_trusted_proxy_cannot_name_another_client() {
        assert_eq!(seen("198.51.100.1", &["203.0.113.77"], &[]), Prefix::of_text("198.51.100.0"));
        assert_eq!(seen("198.51.100.1", &["203.0.113.77"], &["10.0.0.0/8"]), Prefix::of_text("198.51.100.0"));
    }

    #[test]
    fn the_list_is_read_from_the_right_to_the_first_address_that_is_not_trusted() {
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
    fn the_elements_of_rfc_7239_are_read_in_the_same_way() {
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
            // A quote that the client does not close hides nothing of what the proxy wrote.
            (&["for=\"192.0.2.66, for=203.0.113.77"], "203.0.113.77"),
            (&["for=\"192.0.2.66", "for=203.0.113.77"], "203.0.113.77"),
            // A host with a comma in it cannot forge an address.
            (&["for=203.0.113.77;host=\"a,for=192.0.2.66\""], "10.0.0.1"),
            (&[], "10.0.0.1"),
        ] {
            assert_eq!(by(ProxyHeader::Forwarded, "10.0.0.1", values, &trusted), Prefix::of_text(want), "{values:?}");
        }
        assert_eq!(
            by(ProxyHeader::Forwarded, "198.51.100.1", &["for=203.0.113.77"], &trusted),
            Prefix::of_text("198.51.100.1")
        );
    }

    #[test]
    fn a_prefix_is_in_the_networks_that_contain_all_of_it() {
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
