//! What the system file says of where this station is: the parameters `address`, `gateway` and `name-servers`.

use warren::{Req, StartError};
use warren_idl::{Ipv4Settings, NAME_SERVERS, ParameterError, Parameters};
use warren_packets::address::{Ipv4Address, Ipv4Network};

/// Bytes of the longest list of addresses.
const TEXT_BYTES: usize = 64;

/// Reads them. What is not there is left to whoever configures the layer.
///
/// # Errors
///
/// One of them is wrong.
pub fn read(parameters: &Req<dyn Parameters>) -> Result<Ipv4Settings, StartError> {
    let mut settings = Ipv4Settings::default();
    get(parameters, "address", |text| address(text, &mut settings)).and_then(|right| {
        check(right, "`address` is no address with its prefix, such as 10.0.2.15/24")
    })?;
    get(parameters, "gateway", |text| gateway(text, &mut settings))
        .and_then(|right| check(right, "`gateway` is no address such as 10.0.2.2"))?;
    get(parameters, "name-servers", |text| name_servers(text, &mut settings)).and_then(
        |right| {
            check(
                right,
                "`name-servers` is no list of up to 3 addresses, such as \"10.0.2.3 10.0.2.4\"",
            )
        },
    )?;
    Ok(settings)
}

/// Reads one; whether it is right, or not there.
fn get(
    parameters: &Req<dyn Parameters>,
    name: &str,
    read: impl FnOnce(&str) -> Option<()>,
) -> Result<bool, StartError> {
    let mut text = [0; TEXT_BYTES];
    let length = match parameters.get(name, &mut text) {
        Ok(length) => length as usize,
        Err(ParameterError::Unset) => return Ok(true),
        Err(error) => return Err(error.into()),
    };
    let text = text.get(..length).and_then(|text| str::from_utf8(text).ok());
    Ok(text.and_then(read).is_some())
}

fn check(right: bool, otherwise: &'static str) -> Result<(), StartError> {
    if right { Ok(()) } else { Err(StartError::new(otherwise)) }
}

fn address(text: &str, settings: &mut Ipv4Settings) -> Option<()> {
    let network = Ipv4Network::parse(text).filter(|network| network.address != 0)?;
    (settings.address, settings.prefix) = (network.address, network.prefix);
    Some(())
}

fn gateway(text: &str, settings: &mut Ipv4Settings) -> Option<()> {
    settings.gateway = Ipv4Address::parse(text)?.0;
    Some(())
}

fn name_servers(text: &str, settings: &mut Ipv4Settings) -> Option<()> {
    let mut words = text.split_ascii_whitespace();
    for server in &mut settings.name_servers {
        let Some(word) = words.next() else { break };
        *server = Ipv4Address::parse(word)?.0;
    }
    const { assert!(NAME_SERVERS == 3, "the message says how many there may be") };
    words.next().is_none().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let mut settings = Ipv4Settings::default();
        address("10.0.2.15/24", &mut settings).unwrap();
        gateway("10.0.2.2", &mut settings).unwrap();
        name_servers(" 10.0.2.3  10.0.2.4", &mut settings).unwrap();
        let expected = Ipv4Settings {
            address: 0x0a00_020f,
            prefix: 24,
            gateway: 0x0a00_0202,
            name_servers: [0x0a00_0203, 0x0a00_0204, 0],
        };
        assert_eq!(settings, expected);
    }

    #[test]
    fn what_is_wrong_is_refused() {
        let mut settings = Ipv4Settings::default();
        for text in ["10.0.2.15", "0.0.0.0/0", "10.0.2.15/33", ""] {
            assert_eq!(address(text, &mut settings), None, "{text}");
        }
        assert_eq!(gateway("router", &mut settings), None);
        for text in ["1.1.1.1 2.2.2.2 3.3.3.3 4.4.4.4", "1.1.1.1,2.2.2.2"] {
            assert_eq!(name_servers(text, &mut settings), None, "{text}");
        }
    }
}
