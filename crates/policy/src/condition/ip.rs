//! Addresses and ranges of addresses.

use std::net::IpAddr;

/// A range in CIDR notation. Bits behind the prefix are passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    prefix: u32,
}

/// `None` when it is no address.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

impl Network {
    /// An address without a prefix is a range of one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (text, prefix) = match text.split_once('/') {
            Some((text, prefix)) => (text, Some(prefix)),
            None => (text, None),
        };
        let address = address(text)?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => bits,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
            Some(_) => return None,
        };
        (prefix <= bits).then_some(Self { address, prefix })
    }

    /// An address of the other family is in no range.
    pub(super) fn contains(&self, address: &IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differ = network.to_bits() ^ address.to_bits();
                differ.checked_shr(32 - self.prefix.min(32)).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differ = network.to_bits() ^ address.to_bits();
                differ.checked_shr(128 - self.prefix.min(128)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_their_addresses() {
        let cases = [
            ("203.0.113.0/24", "203.0.113.255", true),
            ("203.0.113.0/24", "203.0.114.0", false),
            ("203.0.113.9/24", "203.0.113.1", true),
            ("203.0.113.7", "203.0.113.7", true),
            ("203.0.113.7", "203.0.113.6", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("::/0", "8.8.8.8", false),
            ("::/0", "2001:db8::1", true),
            ("2001:DB8:1234:5678::/64", "2001:db8:1234:5678::9", true),
            ("2001:DB8:1234:5678::/64", "2001:db8:1234:5679::9", false),
        ];
        for (network, text, expected) in cases {
            let contains = Network::parse(network).unwrap().contains(&address(text).unwrap());
            assert_eq!(contains, expected, "{network} {text}");
        }
        for bad in ["", "203.0.113.0/33", "203.0.113", "::/129", "203.0.113.0/+1", "203.0.113.0/", "*"] {
            assert_eq!(Network::parse(bad), None, "{bad}");
        }
    }
}
