//! A system on a disc, booted by GRUB, with a person's keys.

use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use crate::run::{root, target};

/// What the shell shows when it waits for a command.
const PROMPT: &str = "warren:/$ ";
/// What may follow the prompt: a terminal erases the rest of the line.
const ERASE: &str = "\x1b[K";
/// How long the disc may take to the prompt, and each command to the next.
const LIMIT: Duration = Duration::from_secs(30);

/// Makes the disc of a system.
pub fn make(system: &str) -> PathBuf {
    let status = Command::new(target().join("release").join("warren"))
        .env("WARREN_ROOT", root())
        .args(["build", &format!("--iso={system}")])
        .stdout(Stdio::null())
        .status()
        .expect("`./warren build` makes the tool");
    assert!(status.success(), "the disc cannot be made");
    target().join("warren").join("iso").join(format!("{system}.iso"))
}

/// Boots a disc, types these commands, each at a prompt; what was on the screen and QEMU's exit code.
pub fn boot(disc: &Path, disk: &Path, commands: &[&str]) -> (String, Option<i32>) {
    let drive = format!("if=none,id=disk,format=raw,snapshot=on,file={}", disk.display());
    let mut machine = Command::new("qemu-system-x86_64")
        .args(["-machine", "q35", "-accel", "tcg", "-cpu", "max", "-m", "256", "-nodefaults"])
        .args(["-no-reboot", "-display", "none", "-device", "isa-debug-exit,iobase=0xf4,iosize=4"])
        .args(["-serial", "stdio", "-serial", "null", "-drive", &drive])
        .args(["-device", "virtio-blk-pci,drive=disk,disable-legacy=on", "-cdrom"])
        .arg(disc)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("QEMU is installed");
    let mut keys = machine.stdin.take().expect("it is piped");
    let screen = watch(&mut machine);
    let mut seen = String::new();
    for command in commands {
        if !read_until_prompt(&screen, &mut seen) {
            break;
        }
        seen.push('\n');
        // A machine that is gone shows in what was seen.
        let _ = keys.write_all(format!("{command}\r").as_bytes());
    }
    read_until_prompt(&screen, &mut seen);
    let _ = machine.kill();
    let code = machine.wait().ok().and_then(|status| status.code());
    (seen, code)
}

/// What the machine shows, as it comes.
fn watch(machine: &mut Child) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    let mut screen = machine.stdout.take().expect("it is piped");
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = screen.read(&mut bytes) {
            let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
            if sender.send(text).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Adds what is shown until the last line ends with the prompt; `false` if the machine ends or takes too long.
fn read_until_prompt(screen: &mpsc::Receiver<String>, seen: &mut String) -> bool {
    let end = Instant::now() + LIMIT;
    while !seen.trim_end_matches(ERASE).ends_with(PROMPT) {
        match screen.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(text) => seen.push_str(&text),
            Err(_) => return false,
        }
    }
    true
}
