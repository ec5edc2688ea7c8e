//! Networks over a TAP device of Linux's, in a namespace of the benchmark's own, which needs no rights.
//!
//! This program runs itself there. What it measures comes back as lines of JSON.

use std::{
    env,
    net::Ipv4Addr,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::{
    super::{
        Request,
        row::{Measure, Row, Unit},
    },
    counted::device_name,
};
use crate::{
    failure::{Failure, Outcome, While},
    output,
    run::packages::IP,
};

/// The device.
pub const DEVICE: &str = "warren0";
/// The address of the system: the one that QEMU's user network gives, so that the Linux guest's is the same everywhere.
pub const SYSTEM: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
/// The same with the length of its network.
pub const SYSTEM_NETWORK: &str = "10.0.2.15/24";
/// Their network.
pub const NETWORK: &str = "10.0.2.0/24";
/// This host's address.
const HOST: &str = "10.0.2.2/24";
/// Where administrators' programs lie, which is on nobody else's path.
const ADMINISTRATORS: [&str; 2] = ["/usr/sbin", "/sbin"];

/// What this program is told when it runs itself to measure a group in the namespace.
pub fn arguments(group: &str, request: &Request) -> Vec<String> {
    let mut arguments = vec!["bench".into(), group.into(), "--inside".into()];
    arguments.extend(["--runs".into(), request.runs.to_string()]);
    if request.against_linux {
        arguments.extend(["--against".into(), "linux".into()]);
    }
    let devices = request.devices.iter();
    arguments.extend(devices.flat_map(|one| ["--device".into(), device_name(*one).into()]));
    arguments
}

/// Runs this program in the namespace, and returns what it writes.
pub fn within(arguments: &[String]) -> Outcome<String> {
    IP.path()?;
    let when = || "cannot run the benchmark in a network namespace".to_owned();
    let script = format!(
        "ip link set lo up && ip tuntap add dev {DEVICE} mode tap && ip addr add {HOST} dev {DEVICE} && \
         ip link set {DEVICE} up && exec \"$0\" \"$@\""
    );
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(ADMINISTRATORS.map(PathBuf::from));
    let output = Command::new("unshare")
        .args(["--map-root-user", "--net", "sh", "-c", &script])
        .arg(env::current_exe().when(when)?)
        .args(arguments)
        .env("PATH", env::join_paths(folders).unwrap_or(path))
        .stderr(Stdio::inherit())
        .output()
        .when(when)?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(Failure::new("the benchmark failed in a network namespace")
            .remedy("it says above why; namespaces of users may be switched off on this host")),
    }
}

/// Writes rows for [`rows`].
pub fn write(rows: &[Row]) -> Outcome {
    rows.iter().try_for_each(|row| {
        output::line(match &row.measured {
            Ok(Measure { samples, unit, method, .. }) => {
                json!({ "name": row.name, "samples": samples, "unit": unit.name(), "method": method })
            }
            Err(why) => json!({ "name": row.name, "error": why }),
        })
    })
}

/// Reads rows that [`write`] has written.
pub fn rows(text: &str) -> Vec<Row> {
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter_map(|line| row(&line)).collect()
}

fn row(line: &Value) -> Option<Row> {
    let name = line["name"].as_str()?;
    if let Some(why) = line["error"].as_str() {
        return Some(Row::failed(name, why));
    }
    let samples = line["samples"].as_array()?.iter().filter_map(Value::as_f64).collect();
    let unit = Unit::called(line["unit"].as_str()?)?;
    let method = line["method"].as_str()?;
    Some(Row::new(name, Measure { samples, ..Measure::new(0.0, unit, method) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were() {
        let measure = Measure { samples: vec![3.0, 1.5], ..Measure::new(0.0, Unit::Bytes, "so") };
        let rows = [Row::new("network/a/b", measure), Row::failed("network/c/d", "no machine")];
        let text = r#"{"name":"network/a/b","samples":[3.0,1.5],"unit":"bytes","method":"so"}
something else
{"name":"network/c/d","error":"no machine"}"#;
        assert_eq!(super::rows(text), rows);
    }
}
