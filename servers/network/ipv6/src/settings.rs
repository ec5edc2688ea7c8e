//! What the system file says of where this station is: the parameters `address`, `gateway` and `name-servers`.

use alloc::vec::Vec;

use warren::{Req, StartError};
use warren_idl::{Address, NAME_SERVERS, Parameters};
use warren_parameters::{parameter, words};

use crate::addresses::{Network, Settings};

/// Reads them. What is not there is left to routers.
///
/// # Errors
///
/// One of them is wrong.
pub fn read(parameters: &Req<dyn Parameters>) -> Result<Settings, StartError> {
    let refusal = "`address` is no address of IPv6 with its prefix, such as fec0::15/64";
    let own = parameter(parameters, "address", Network::parse, refusal)?;
    let refusal = "`gateway` is no address of IPv6 such as fe80::2";
    let gateway = parameter(parameters, "gateway", six, refusal)?;
    let refusal =
        "`name-servers` is no list of up to 3 addresses of IPv6, such as \"fd00::1 fd00::2\"";
    let name_servers = parameter(parameters, "name-servers", name_servers, refusal)?;
    Ok(Settings { own, gateway, name_servers: name_servers.unwrap_or_default() })
}

fn six(text: &str) -> Option<Address> {
    Address::parse(text).filter(|address| address.as_v4().is_none())
}

fn name_servers(text: &str) -> Option<Vec<Address>> {
    const { assert!(NAME_SERVERS == 3, "the message says how many there may be") };
    words(text, NAME_SERVERS, six)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_are_addresses_of_ipv6() {
        let expected = [0xfd00 << 112 | 1, 0xfe80 << 112 | 2].map(Address::new);
        assert_eq!(name_servers("fd00::1 fe80::2").as_deref(), Some(&expected[..]));
        for text in ["fd00::1,fd00::2", "10.0.2.3", "::ffff:10.0.2.3", "::1 ::2 ::3 ::4"] {
            assert_eq!(name_servers(text), None, "{text}");
        }
    }
}
