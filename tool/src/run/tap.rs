//! TAP devices of Linux's, as `ip` shows them.

use std::process::{Command, Stdio};

use rustix::net::{AddressFamily, SocketType, netdevice::name_to_index, socket};
use serde_json::Value;

use super::{machine::Outlet, packages::IP};
use crate::failure::{Failure, Outcome};

/// Most bytes of the name of a device of Linux's (`IFNAMSIZ` in `linux/if.h`, which counts a zero at the end).
const NAME_BYTES: usize = 15;

/// The device must be there: whoever may make devices would be given a new one, of which Linux has no address.
pub fn check(name: &str) -> Outcome {
    if name.is_empty() || name.len() > NAME_BYTES {
        let message = format!("`{name}` is no name of a device of Linux's");
        let remedy = format!("such names have 1 to {NAME_BYTES} bytes");
        return Err(Failure::new(message).remedy(remedy));
    }
    match is_there(name) {
        true => Ok(()),
        false => Err(Failure::new(format!("there is no network device `{name}`"))
            .remedy(format!("make it: ip tuntap add dev {name} mode tap user $USER"))),
    }
}

/// Whether this process's network has a device of this name. Any socket can say it.
fn is_there(name: &str) -> bool {
    socket(AddressFamily::UNIX, SocketType::DGRAM, None)
        .and_then(|socket| name_to_index(socket, name))
        .is_ok()
}

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
    fn only_a_device_that_is_there_will_do() {
        assert!(check("lo").is_ok());
        let refused = |name| check(name).expect_err("it is not there").to_string();
        assert_eq!(
            refused("warren-nowhere"),
            "error: there is no network device `warren-nowhere`\n  \
             help: make it: ip tuntap add dev warren-nowhere mode tap user $USER\n"
        );
        for name in ["", "a-name-too-long-1"] {
            assert!(refused(name).contains("is no name of a device"), "{name}");
        }
    }

    #[test]
    fn a_device_that_is_not_there_has_no_queues() {
        assert_eq!(outlet("warren-nowhere"), Outlet::tap("warren-nowhere"));
    }
}
