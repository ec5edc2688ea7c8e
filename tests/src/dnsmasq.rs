//! dnsmasq: a server of DHCP and DNS, and a router that says where stations are, at the device of a test's own network.

use std::process::{Child, Command, Stdio};

use crate::{disk, namespace::TAP, run::folder};

/// One that runs, and ends with this.
pub struct Dnsmasq(Child);

impl Dnsmasq {
    /// Starts it with these arguments besides.
    ///
    /// # Panics
    ///
    /// It is not installed.
    pub fn start(arguments: &[&str]) -> Self {
        let leases = folder("captures").join("leases");
        // What was lent to another test is not remembered.
        let _ = std::fs::remove_file(&leases);
        let mut command = Command::new("dnsmasq");
        // It can be nobody else here, so it has to be told that it is debugged.
        command.args(["--no-daemon", "--conf-file=/dev/null", "--pid-file="]);
        command.args(["--no-hosts", "--no-resolv", "--no-ping"]);
        command.args(["--bind-interfaces", &format!("--interface={TAP}")]);
        command.arg(format!("--dhcp-leasefile={}", leases.display()));
        command.args(arguments).arg("--log-facility=-");
        let child = command.env("PATH", disk::path()).stderr(Stdio::null()).spawn();
        Dnsmasq(child.expect("dnsmasq is installed"))
    }
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
