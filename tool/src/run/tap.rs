//! TAP devices of Linux's, as `ip` shows them.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::{machine::Outlet, packages::IP};

/// The TAP device of this name. Where `ip` cannot say whether it was made with several queues, it was not: QEMU says what is wrong then.
pub fn outlet(name: &str) -> Outlet {
    Outlet::Tap { name: name.into(), has_queues: has_queues(name) }
}

/// Whether the TAP device of this name was made with several queues.
pub fn has_queues(name: &str) -> bool {
    shown(name).is_some_and(|shown| says_queues(&shown))
}

/// What `ip` says of a device.
fn shown(name: &str) -> Option<Value> {
    let mut command = Command::new(IP.path().ok()?);
    command.args(["-details", "-json", "link", "show", "dev", name]);
    let output = command.stderr(Stdio::null()).output().ok()?;
    serde_json::from_slice(&output.stdout).ok()
}

/// Whether the device that is shown was made with several queues.
fn says_queues(shown: &Value) -> bool {
    shown[0]["linkinfo"]["info_data"]["multi_queue"] == true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_with_queues_is_told_from_others() {
        let shown = |queues: &str| {
            let text = format!(
                r#"[{{"ifname":"a","linkinfo":{{"info_kind":"tun","info_data":{{"type":"tap"{queues}}}}}}}]"#
            );
            says_queues(&serde_json::from_str(&text).unwrap())
        };
        assert!(shown(r#","multi_queue":true,"numqueues":0"#));
        assert!(!shown(r#","multi_queue":false"#) && !shown(""));
        assert!(!says_queues(&Value::Null));
        assert!(!says_queues(&serde_json::json!([{ "ifname": "lo" }])));
    }

    #[test]
    fn a_device_that_is_not_there_has_no_queues() {
        assert_eq!(outlet("warren-nowhere"), Outlet::tap("warren-nowhere"));
    }
}
