//! Captures of what goes over a namespace's device, which Wireshark's analysis reads.
//!
//! # Checksums
//!
//! A device that computes checksums itself gets packets with checksums that are filled in partially, and so does whoever captures them. In a namespace the device is
//! a TAP device, for which Linux computes them itself as long as nobody has told it that the other side does without: a hosted system has not. So
//! each checksum of such a capture has to be right, in both directions.

use std::{
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Child, ChildStderr, Command, Stdio},
};

use crate::{
    disk,
    namespace::TAP,
    run::{folder, target},
};

/// What the analysis is to check besides.
const CHECKED: [&str; 3] =
    ["ip.check_checksum:TRUE", "tcp.check_checksum:TRUE", "udp.check_checksum:TRUE"];

/// A capture under way.
pub struct Capture {
    child: Child,
    said: BufReader<ChildStderr>,
    file: PathBuf,
}

/// A capture that has ended.
pub struct Captured(PathBuf);

impl Capture {
    /// Begins one in this process's namespace. What comes from now on is in it.
    ///
    /// # Panics
    ///
    /// It cannot be made.
    pub fn start(name: &str) -> Self {
        let file = folder("captures").join(format!("{name}.pcapng"));
        let mut command = Command::new("dumpcap");
        // So many MiB are kept until they are written.
        command.args(["-q", "-B", "64", "-i", TAP, "-w"]).arg(&file).env("PATH", disk::path());
        let mut child = command.stderr(Stdio::piped()).spawn().expect("dumpcap is installed");
        let mut said = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut line = String::new();
        while !line.starts_with("File: ") {
            line.clear();
            let count = said.read_line(&mut line).expect("it says something");
            assert!(count > 0, "the capture does not begin");
        }
        Capture { child, said, file }
    }

    /// Ends it.
    ///
    /// # Panics
    ///
    /// Packets are missing in it.
    pub fn end(mut self) -> Captured {
        let asked = Command::new("kill").arg("-INT").arg(self.child.id().to_string()).status();
        assert!(asked.is_ok_and(|status| status.success()), "the capture has ended before");
        let mut lines = self.said.by_ref().lines().map_while(Result::ok);
        let summary = lines.find(|it| it.contains("dropped"));
        let summary = summary.expect("it says how many it has");
        assert!(summary.contains("/0 ("), "{summary}");
        self.child.wait().expect("it ends");
        Captured(self.file.clone())
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        // It has ended before, unless the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Captured {
    /// The packets that a filter of Wireshark's selects, each a line for people.
    ///
    /// # Panics
    ///
    /// They cannot be read.
    pub fn select(&self, filter: &str) -> Vec<String> {
        let mut command = Command::new("tshark");
        command.arg("-n").args(CHECKED.iter().flat_map(|word| ["-o", word]));
        command.arg("-r").arg(&self.0).args(["-Y", filter]).env("HOME", target());
        let output = command.output().expect("tshark is installed");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{filter}: {errors}");
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    }
}
