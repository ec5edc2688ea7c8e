//! Which servers principals spend their time in: samples, while time passes or while a command runs.

use alloc::{format, string::String, vec::Vec};

use serde::Serialize;
use warren::{Cx, Ref};
use warren_idl::{AccountsError, Sampling};
use warren_program::{
    About, Handed, Stop, Trouble,
    listed::{texts, until},
    table::Table,
};

use crate::{NAME_BYTES, Run};

/// From one sample to the next.
const INTERVAL_NS: u64 = 100_000;
/// Whoever waits looks so often whether anybody still wants to know.
const LOOK_NS: u64 = 50_000_000;

/// How long samples are taken.
#[derive(Clone, Copy)]
pub enum While {
    /// For so many nanoseconds.
    Time(u64),
    /// Until the program's input ends.
    Input,
}

/// How often a principal's thread was found in a server.
#[derive(Serialize)]
pub struct Sample {
    pub principal: String,
    pub server: String,
    pub samples: u32,
    pub interval_ns: u64,
}

/// Takes samples; the most frequent comes first.
pub fn take(
    cx: &mut Cx<'_, Run>,
    handed: &Handed,
    how_long: While,
) -> Result<Vec<Sample>, Trouble> {
    let sampling = cx.req().accounts.sampling(cx, INTERVAL_NS).about("samples")?;
    match how_long {
        While::Time(time_ns) => wait(cx, handed, time_ns)?,
        While::Input => handed.drain(cx)?,
    }
    read(cx, sampling).about("samples")
}

fn wait(cx: &mut Cx<'_, Run>, handed: &Handed, time_ns: u64) -> Result<(), Stop> {
    let mut left = time_ns;
    while left > 0 {
        handed.go_on(cx)?;
        let piece = left.min(LOOK_NS);
        // Whoever is woken before its time has taken samples for a little less.
        cx.req().timer.sleep(cx, piece).ok();
        left -= piece;
    }
    Ok(())
}

fn read(
    cx: &mut Cx<'_, Run>,
    sampling: Ref<'_, dyn Sampling>,
) -> Result<Vec<Sample>, AccountsError> {
    let mut text = [0; NAME_BYTES];
    let mut next = 0;
    let mut samples = until(AccountsError::End, |_| {
        let status = sampling.entry(cx, next, &mut text)?;
        next = status.index + 1;
        let [server] = texts(&text, status.text_bytes);
        let account = cx.req().accounts.account(cx, status.principal, &mut text)?;
        let [principal] = texts(&text, account.text_bytes);
        Ok(Sample { principal, server, samples: status.samples, interval_ns: INTERVAL_NS })
    })?;
    samples.sort_by_key(|sample| core::cmp::Reverse(sample.samples));
    Ok(samples)
}

/// The samples for a person.
pub fn table(samples: &[Sample]) -> String {
    let all: u64 = samples.iter().map(|sample| u64::from(sample.samples)).sum();
    let mut table = Table::new(["PRINCIPAL", "SERVER", "SAMPLES", "SHARE"]);
    for Sample { principal, server, samples, .. } in samples {
        let share = u64::from(*samples) * 1000 / all.max(1);
        table.row([
            principal.clone(),
            server.clone(),
            format!("{samples}"),
            format!("{}.{} %", share / 10, share % 10),
        ]);
    }
    table.text()
}

#[cfg(test)]
mod tests {
    use warren_program::json;

    use super::*;

    fn example() -> [Sample; 2] {
        [("media", "ext4", 7), ("system", "kernel", 2)].map(|(principal, server, samples)| Sample {
            principal: principal.into(),
            server: server.into(),
            samples,
            interval_ns: INTERVAL_NS,
        })
    }

    #[test]
    fn samples_are_shown_with_their_shares() {
        let shown = "\
PRINCIPAL  SERVER  SAMPLES  SHARE
media      ext4    7        77.7 %
system     kernel  2        22.2 %
";
        assert_eq!(table(&example()), shown);
        assert_eq!(table(&[]), "PRINCIPAL  SERVER  SAMPLES  SHARE\n");
    }

    #[test]
    fn tools_get_json() {
        let text = json::lines(&example());
        let first =
            "{\"principal\":\"media\",\"server\":\"ext4\",\"samples\":7,\"interval_ns\":100000}";
        assert_eq!(text.lines().next(), Some(first));
    }
}
