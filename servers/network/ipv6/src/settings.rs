//! What the system file says of where this station is: the parameters `address` and `gateway`.

use warren::{Req, StartError};
use warren_idl::{Address, Parameters};
use warren_parameters::parameter;

use crate::addresses::Network;

/// Reads them. What is not there is left to routers.
///
/// # Errors
///
/// One of them is wrong.
pub fn read(
    parameters: &Req<dyn Parameters>,
) -> Result<(Option<Network>, Option<Address>), StartError> {
    let refusal = "`address` is no address of IPv6 with its prefix, such as fec0::15/64";
    let address = parameter(parameters, "address", Network::parse, refusal)?;
    let six = |text: &str| Address::parse(text).filter(|address| address.as_v4().is_none());
    let refusal = "`gateway` is no address of IPv6 such as fe80::2";
    Ok((address, parameter(parameters, "gateway", six, refusal)?))
}
