//! What the system file says of where this station is: the parameters `address` and `gateway`.

use warren::{Req, StartError};
use warren_idl::{Address, ParameterError, Parameters};

use crate::addresses::Network;

/// Bytes of the longest address with its prefix.
const TEXT_BYTES: usize = 64;

/// Reads them. What is not there is left to routers.
///
/// # Errors
///
/// One of them is wrong.
pub fn read(
    parameters: &Req<dyn Parameters>,
) -> Result<(Option<Network>, Option<Address>), StartError> {
    let address = get(parameters, "address", Network::parse);
    let address = address.map_err(|error| {
        error.unwrap_or(StartError::new(
            "`address` is no address of IPv6 with its prefix, such as fec0::15/64",
        ))
    })?;
    let six = |text: &str| Address::parse(text).filter(|address| address.as_v4().is_none());
    let gateway = get(parameters, "gateway", six).map_err(|error| {
        error.unwrap_or(StartError::new("`gateway` is no address of IPv6 such as fe80::2"))
    })?;
    Ok((address, gateway))
}

/// Reads one, if it is there; the error is nothing if what is there is wrong.
fn get<T>(
    parameters: &Req<dyn Parameters>,
    name: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, Option<StartError>> {
    let mut text = [0; TEXT_BYTES];
    let length = match parameters.get(name, &mut text) {
        Ok(length) => length as usize,
        Err(ParameterError::Unset) => return Ok(None),
        Err(error) => return Err(Some(error.into())),
    };
    let text = text.get(..length).and_then(|text| str::from_utf8(text).ok());
    text.and_then(read).map(Some).ok_or(None)
}
