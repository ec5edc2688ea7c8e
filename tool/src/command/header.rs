//! `warren header`.

use clap::Args;
use warren_abi::description::{MAGIC, Record, records, tag};

use crate::{
    failure::{Failure, Outcome},
    output,
    project::Project,
    system::diagnostic::did_you_mean,
};

/// Prints the C header of a service, or of all.
///
/// It includes `warren.h`, which lies in model/c beside the header of all services.
#[derive(Args)]
pub struct Arguments {
    /// The service, BlockDevice for example; all of them if nothing is said.
    service: Option<String>,
}

/// Prints the header.
pub fn run(_project: &Project, arguments: &Arguments) -> Outcome {
    let described = match &arguments.service {
        None => warren_idl::DESCRIPTION.to_vec(),
        Some(service) => only(service)?,
    };
    let header = warren_c::header(&described).map_err(|error| Failure::new(error.to_string()))?;
    output::print(header)
}

/// The description of one service alone.
fn only(service: &str) -> Outcome<Vec<u8>> {
    let all: Vec<Record<'_>> = records(warren_idl::DESCRIPTION)
        .map_err(|error| Failure::new(format!("the services' own description: {error:?}")))?
        .flatten()
        .collect();
    let start =
        all.iter().position(|record| name_of(record) == Some(service)).ok_or_else(|| {
            let help = did_you_mean(service, all.iter().filter_map(name_of).collect::<Vec<_>>());
            Failure::new(format!("there is no service `{service}`")).maybe_remedy(help)
        })?;
    let mut described = [&MAGIC[..], &warren_abi::VERSION.to_le_bytes()].concat();
    let functions = all[start + 1..].iter().take_while(|record| record.0 == tag::FUNCTION);
    for (tag, payload) in all[start..=start].iter().chain(functions) {
        described.push(*tag);
        // A record's length was a u16 when it was read.
        described.extend((payload.len() as u16).to_le_bytes());
        described.extend(*payload);
    }
    Ok(described)
}

/// Name of the service that a record describes: what follows ID and flags.
fn name_of<'a>(record: &Record<'a>) -> Option<&'a str> {
    let (tag, payload) = record;
    (*tag == tag::PROVIDES).then(|| std::str::from_utf8(payload.get(5..)?).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::only;

    #[test]
    fn the_header_of_one_service_has_its_functions_and_no_other() {
        let header = warren_c::header(&only("BlockDevice").unwrap()).unwrap();
        assert!(header.contains("w_ret BlockDevice_flush(BlockDevice self)"), "{header}");
        assert!(!header.contains("Clock"), "{header}");
    }

    #[test]
    fn a_service_that_does_not_exist_is_asked_back() {
        let failure = only("BlockDevise").unwrap_err().to_string();
        assert!(failure.contains("did you mean `BlockDevice`?"), "{failure}");
    }
}
