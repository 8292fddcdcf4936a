//! Which addresses may be called: those of the internet, and networks that the configuration names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network that may be called although it is not part of the internet: `10.1.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// A text is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a network is an address and a number of bits, such as 10.1.0.0/16")]
pub struct NetworkError;

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, bits) = text.split_once('/').ok_or(NetworkError)?;
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let bits: u8 = bits.parse().map_err(|_| NetworkError)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        if bits > most {
            return Err(NetworkError);
        }
        Ok(Self { address, bits })
    }
}

impl Network {
    fn holds(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.bits);
                network.to_bits().checked_shr(shift) == address.to_bits().checked_shr(shift)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.bits);
                network.to_bits().checked_shr(shift) == address.to_bits().checked_shr(shift)
            }
            _ => false,
        }
    }
}

/// Whether an address may be called.
pub(crate) fn may_be_called(address: IpAddr, networks: &[Network]) -> bool {
    // One address has one judgement, in whatever form it was given.
    let address = address.to_canonical();
    is_public(address) || is_of_a_network(address, networks)
}

/// Whether an address lies in one of these networks.
pub(crate) fn is_of_a_network(address: IpAddr, networks: &[Network]) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.holds(address))
}

/// The registries of special addresses of IANA (RFC 6890 and what followed it).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b))
        || a >= 224)
}

/// Only what is given out (2000::/3), and of that nothing that stands for an IPv4 address or is for tests.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    a & 0xe000 == 0x2000
        && !(a == 0x2001 && b < 0x200)
        && !(a == 0x2001 && b == 0xdb8)
        && a != 0x2002
        && a != 0x3fff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s28_only_the_internet_may_be_called() {
        let inner = [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:169.254.169.254",
            "::ffff:10.0.0.1",
            "::a9fe:a9fe",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:a9fe:a9fe::1",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ];
        for address in inner {
            assert!(!may_be_called(address.parse().unwrap(), &[]), "{address}");
        }
        for address in
            ["1.1.1.1", "172.32.0.1", "100.128.0.1", "192.0.1.1", "2606:4700::1111", "::ffff:1.1.1.1"]
        {
            assert!(may_be_called(address.parse().unwrap(), &[]), "{address}");
        }
    }

    #[test]
    fn networks_of_the_configuration_may_be_called_too_and_no_others() {
        let networks = ["10.1.0.0/16", "127.0.0.1/32", "fd00::/8"].map(|text| text.parse().unwrap());
        let may = |address: &str| may_be_called(address.parse().unwrap(), &networks);
        assert!(may("10.1.255.255") && may("127.0.0.1") && may("::ffff:127.0.0.1") && may("fd12::1"));
        assert!(!may("10.2.0.0") && !may("127.0.0.2") && !may("169.254.169.254") && !may("fe80::1"));
        assert!(may_be_called("169.254.169.254".parse().unwrap(), &["0.0.0.0/0".parse().unwrap()]));
        for wrong in ["", "10.0.0.0", "10.0.0.0/33", "fd00::/129", "10.0.0.0/x", "a/8"] {
            assert_eq!(wrong.parse::<Network>(), Err(NetworkError), "{wrong}");
        }
    }
}
