//! What the system file says of where this station is: the parameters `address`, `gateway` and `name-servers`.

use warren::{Req, StartError};
use warren_idl::{Ipv4Settings, NAME_SERVERS, Parameters};
use warren_packets::address::{Ipv4Address, Ipv4Network};
use warren_parameters::{parameter, words};

/// Reads them. What is not there is left to whoever configures the layer.
///
/// # Errors
///
/// One of them is wrong.
pub fn read(parameters: &Req<dyn Parameters>) -> Result<Ipv4Settings, StartError> {
    let refusal = "`address` is no address with its prefix, such as 10.0.2.15/24";
    let network = parameter(parameters, "address", network, refusal)?;
    let refusal = "`gateway` is no address such as 10.0.2.2";
    let gateway = parameter(parameters, "gateway", Ipv4Address::parse, refusal)?;
    let refusal = "`name-servers` is no list of up to 3 addresses, such as \"10.0.2.3 10.0.2.4\"";
    let name_servers = parameter(parameters, "name-servers", name_servers, refusal)?;
    let Ipv4Network { address, prefix } = network.unwrap_or(Ipv4Network { address: 0, prefix: 0 });
    Ok(Ipv4Settings {
        address,
        prefix,
        gateway: gateway.map_or(0, |gateway| gateway.0),
        name_servers: name_servers.unwrap_or_default(),
    })
}

fn network(text: &str) -> Option<Ipv4Network> {
    Ipv4Network::parse(text).filter(|network| network.address != 0)
}

fn name_servers(text: &str) -> Option<[u32; NAME_SERVERS]> {
    const { assert!(NAME_SERVERS == 3, "the message says how many there may be") };
    let mut all = words(text, NAME_SERVERS, Ipv4Address::parse)?.into_iter();
    Some(core::array::from_fn(|_| all.next().map_or(0, |server| server.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        assert_eq!(network("10.0.2.15/24"), Some(Ipv4Network { address: 0x0a00_020f, prefix: 24 }));
        assert_eq!(name_servers(" 10.0.2.3  10.0.2.4"), Some([0x0a00_0203, 0x0a00_0204, 0]));
        assert_eq!(name_servers("1.1.1.1 2.2.2.2 3.3.3.3").map(|all| all[2]), Some(0x0303_0303));
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for text in ["10.0.2.15", "0.0.0.0/0", "10.0.2.15/33", ""] {
            assert_eq!(network(text), None, "{text}");
        }
        for text in ["1.1.1.1 2.2.2.2 3.3.3.3 4.4.4.4", "1.1.1.1,2.2.2.2"] {
            assert_eq!(name_servers(text), None, "{text}");
        }
    }
}
