//! The machine: QEMU's command line, and what its exit status means.
//!
//! The console is the first serial port, the kernel's log is the second. The machine has nothing that
//! was not asked for (`-nodefaults`).

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use warren_engine::plan::{Binding, Plan};

/// Which machine QEMU plays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Board {
    /// A PC with PCI Express.
    #[default]
    Q35,
    /// An older PC.
    Pc,
    /// A small machine without PCI, made to start fast.
    Microvm,
}

/// Where the other end of a serial port is.
#[derive(Clone, Debug)]
pub enum Line {
    /// QEMU's standard input and output.
    Standard,
    /// A socket that somebody listens on.
    Socket(PathBuf),
    /// A file that is only written.
    File(PathBuf),
    /// A terminal that QEMU makes; it says which one.
    Terminal,
}

impl Line {
    /// QEMU's option for it.
    fn option(&self, id: &str) -> String {
        match self {
            Line::Standard => format!("stdio,id={id},signal=off"),
            Line::Socket(path) => format!("socket,id={id},path={}", escaped(path)),
            Line::File(path) => format!("file,id={id},path={}", escaped(path)),
            Line::Terminal => format!("pty,id={id}"),
        }
    }
}

/// A port at this host's loopback address, and the port of the system that it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    /// This host's port.
    pub host: u16,
    /// The system's port.
    pub system: u16,
    /// In which of the system's networks.
    pub network: u32,
    /// Of which protocol.
    pub transport: Transport,
}

/// Whose ports they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP's.
    Tcp,
    /// UDP's.
    Udp,
}

impl Transport {
    /// What stands behind ports of it.
    fn suffix(self) -> &'static str {
        match self {
            Transport::Tcp => "",
            Transport::Udp => "/udp",
        }
    }
}

impl Forward {
    /// Reads `8080:80`, which is of TCP and of the first network, `8080:80@1`, of the second, or one of them with `/udp` behind it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let port = |text: &str| text.parse().ok().filter(|port| *port != 0);
        let (place, transport) = match text.strip_suffix("/udp") {
            Some(place) => (place, Transport::Udp),
            None => (text, Transport::Tcp),
        };
        let (ports, network) = place.split_once('@').unwrap_or((place, "0"));
        let ports = ports.split_once(':').map(|(host, system)| (port(host), port(system)));
        match (ports, network.parse()) {
            (Some((Some(host), Some(system))), Ok(network)) => {
                Ok(Forward { host, system, network, transport })
            }
            _ => {
                Err(format!("`{text}` is not two ports such as 8080:80, 8080:80@1, or 5353:53/udp"))
            }
        }
    }

    /// Whether both are the same port of this host.
    pub fn is_same_port(self, other: Forward) -> bool {
        (self.host, self.transport) == (other.host, other.transport)
    }

    /// This host's end, as people read it.
    pub fn address(self) -> String {
        format!("127.0.0.1:{}{}", self.host, self.transport.suffix())
    }

    /// QEMU's option for it.
    fn option(self) -> String {
        let transport = match self.transport {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
        };
        format!(",hostfwd={transport}:127.0.0.1:{}-:{}", self.host, self.system)
    }
}

impl fmt::Display for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Forward { host, system, network, transport } = self;
        write!(f, "{host}:{system}")?;
        if *network != 0 {
            write!(f, "@{network}")?;
        }
        f.write_str(transport.suffix())
    }
}

/// A network device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Adapter {
    /// Virtio's.
    #[default]
    #[value(alias = "virtio-net")]
    Virtio,
    /// Intel's 82540EM.
    E1000,
    /// Realtek's RTL8139C+.
    Rtl8139,
}

/// Another end of a network than QEMU's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outlet {
    /// A TAP device of Linux's.
    Tap {
        /// Its name.
        name: String,
        /// It was made to have several queues, and must be used so.
        has_queues: bool,
    },
    /// A socket that somebody listens on: frames go through it, each behind its length in four bytes, the greatest first.
    Socket(PathBuf),
}

impl Outlet {
    /// A TAP device with one queue.
    pub fn tap(name: &str) -> Self {
        Outlet::Tap { name: name.into(), has_queues: false }
    }

    /// How many pairs of queues it has on a machine with so many processors.
    fn queues(&self, processors: u32) -> u32 {
        match self {
            // Linux knows a device with several queues by that somebody asks for more than one.
            Outlet::Tap { has_queues: true, .. } => processors.clamp(2, MOST_QUEUES),
            _ => 1,
        }
    }

    /// QEMU's option for it, with so many pairs of queues.
    fn option(&self, id: &str, queues: u32) -> String {
        match self {
            Outlet::Tap { name, .. } => {
                let name = name.replace(',', ",,");
                let queues = if queues > 1 { format!(",queues={queues}") } else { String::new() };
                format!("tap,id={id},ifname={name},script=no,downscript=no{queues}")
            }
            Outlet::Socket(path) => {
                format!("stream,id={id},server=off,addr.type=unix,addr.path={}", escaped(path))
            }
        }
    }
}

/// Most pairs of queues of a network device: more than systems use.
const MOST_QUEUES: u32 = 8;

/// What to boot, and on what.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Which machine.
    pub board: Board,
    /// QEMU's name of the processor.
    pub processor: String,
    /// Number of processors.
    pub processors: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// The kernel.
    pub kernel: PathBuf,
    /// The boot archive.
    pub archive: PathBuf,
    /// The disk, which is not changed.
    pub disk: Option<PathBuf>,
    /// Number of network devices, each with a user network of its own.
    pub networks: u32,
    /// What they are. A microvm, which has no PCI bus, has virtio's only.
    pub adapter: Adapter,
    /// Ports of this host that lead into these networks.
    pub forwards: Vec<Forward>,
    /// What the first network device is connected to, instead of QEMU's user network.
    pub outlet: Option<Outlet>,
    /// The first serial port.
    pub console: Line,
    /// The second.
    pub log: Line,
    /// Socket on which gdb is expected; the machine then waits for it.
    pub debugger: Option<PathBuf>,
}

/// Arguments with which each executed instruction is one tick of the machine's clocks.
pub const COUNTING: [&str; 4] =
    ["-icount", "shift=0,sleep=off", "-rtc", "base=2024-01-01T00:00:00,clock=vm"];

/// The same for a machine that waits for a person: it sleeps meanwhile, and does not run from timer to timer.
pub const COUNTING_IDLE: [&str; 4] =
    ["-icount", "shift=0,sleep=on", "-rtc", "base=2024-01-01T00:00:00,clock=vm"];

impl Machine {
    /// QEMU's arguments.
    pub fn arguments(&self) -> Vec<OsString> {
        let board = match self.board {
            Board::Q35 => "q35",
            Board::Pc => "pc",
            // Without ACPI, whose byte code nobody here runs, it says on the command line where its devices are.
            Board::Microvm => "microvm,acpi=off,rtc=on,isa-serial=on",
        };
        let mut all: Vec<OsString> = Vec::new();
        let mut add = |words: &[&str]| all.extend(words.iter().map(OsString::from));
        add(&["-machine", board, "-accel", "tcg", "-cpu", &self.processor]);
        add(&["-smp", &self.processors.to_string(), "-m", &self.memory_mib.to_string()]);
        add(&["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"]);
        add(&["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]);
        add(&["-chardev", &self.console.option("console"), "-serial", "chardev:console"]);
        add(&["-chardev", &self.log.option("log")]);
        match self.board {
            // It wires up the first port only.
            Board::Microvm => add(&["-device", "isa-serial,chardev=log,iobase=0x2f8,irq=3"]),
            _ => add(&["-serial", "chardev:log"]),
        }
        if self.board == Board::Microvm {
            // Otherwise the registers of its devices are those of before virtio 1.
            add(&["-global", "virtio-mmio.force-legacy=off"]);
        }
        if let Some(disk) = &self.disk {
            let drive = format!(
                "if=none,id=disk,format=raw,snapshot=on,file.locking=off,file={}",
                escaped(disk)
            );
            let device = match self.board {
                Board::Microvm => "virtio-blk-device,drive=disk",
                _ => "virtio-blk-pci,drive=disk,disable-legacy=on",
            };
            add(&["-drive", &drive, "-device", device]);
        }
        for index in 0..self.networks {
            let device = match (self.board, self.adapter) {
                (Board::Microvm, _) => "virtio-net-device",
                (_, Adapter::Virtio) => "virtio-net-pci,disable-legacy=on,romfile=",
                (_, Adapter::E1000) => "e1000,romfile=",
                (_, Adapter::Rtl8139) => "rtl8139,romfile=",
            };
            let [.., last] = (index + 1).to_be_bytes();
            let outlet = self.outlet.as_ref().filter(|_| index == 0);
            let queues = outlet.map_or(1, |outlet| outlet.queues(self.processors));
            let on_bus = self.board != Board::Microvm;
            // One processor gains nothing by several pairs. Each has a message, and there is one for changes of the device, and one for commands.
            let several = match on_bus && queues > 1 && self.processors > 1 {
                true => format!(",mq=on,vectors={}", 2 * queues + 2),
                false => String::new(),
            };
            let device =
                format!("{device},netdev=network{index},mac=52:54:00:77:61:{last:02x}{several}");
            let network = match outlet {
                Some(outlet) => outlet.option("network0", queues),
                None => {
                    let forwards = self.forwards.iter().filter(|forward| forward.network == index);
                    let forwards: String = forwards.map(|forward| forward.option()).collect();
                    let third = index + FIRST_NETWORK;
                    format!("user,id=network{index},net=10.0.{third}.0/24{forwards}")
                }
            };
            add(&["-netdev", &network, "-device", &device]);
        }
        if let Some(debugger) = &self.debugger {
            let gdb = format!("unix:{},server=on,wait=off", escaped(debugger));
            add(&["-gdb", &gdb, "-S"]);
        }
        all.extend(["-kernel".into(), self.kernel.clone().into()]);
        all.extend(["-initrd".into(), self.archive.clone().into()]);
        all
    }
}

/// The first network is 10.0.2.0/24, as QEMU has it, the second 10.0.3.0/24, and so on.
const FIRST_NETWORK: u32 = 2;

/// Vendor and device of the network devices that are plugged in: virtio's.
const NETWORK_DEVICE: (u16, u16) = (0x1af4, 0x1041);

/// How many network devices a system can use.
pub fn networks(plan: &Plan) -> u32 {
    let bindings = plan.servers.iter().flat_map(|server| &server.bindings);
    let used = bindings.filter_map(|binding| match binding {
        Binding::Device { ids, nth, .. } if ids.contains(&NETWORK_DEVICE) => Some(nth + 1),
        _ => None,
    });
    used.max().unwrap_or(0)
}

/// Which networks a system with so many of them has.
pub fn networks_are(networks: u32) -> String {
    match networks {
        0 => "the system has no network device".into(),
        1 => "the system has one network, which needs no `@`".into(),
        _ => format!("the system's networks are those from @0 to @{}", networks - 1),
    }
}

/// The path as it stands in an option of QEMU's, where a comma ends a value.
fn escaped(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

/// How a machine ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The system stopped it, with this status.
    Status(u8),
    /// It reset itself, which it does when even its fault handler faults.
    Reset,
    /// QEMU itself failed or was killed.
    Broken,
}

/// What QEMU's exit code means; `None` if a signal ended it.
///
/// The system's status comes as `status × 2 + 1`, so that QEMU's own failure, 1, looks like the
/// status 0. The two are told apart by whether the system was ever heard of.
pub fn end(code: Option<i32>, heard: bool) -> End {
    match code.and_then(|code| u8::try_from(code).ok()) {
        Some(0) if heard => End::Reset,
        Some(code) if code % 2 == 1 && heard => End::Status(code / 2),
        _ => End::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        Machine {
            board: Board::Q35,
            processor: "max".into(),
            processors: 1,
            memory_mib: 256,
            kernel: "kernel".into(),
            archive: "boot.tar".into(),
            disk: Some("a,b.ext4".into()),
            networks: 0,
            adapter: Adapter::default(),
            outlet: None,
            forwards: Vec::new(),
            console: Line::Standard,
            log: Line::Socket("log.sock".into()),
            debugger: None,
        }
    }

    fn line(machine: &Machine) -> String {
        let words: Vec<_> =
            machine.arguments().into_iter().map(|w| w.into_string().unwrap()).collect();
        words.join(" ")
    }

    #[test]
    fn the_disk_is_modern_virtio_and_not_changed() {
        let line = line(&machine());
        assert!(line.contains("virtio-blk-pci,drive=disk,disable-legacy=on"), "{line}");
        assert!(line.contains("snapshot=on"), "{line}");
    }

    #[test]
    fn each_network_device_has_a_network_of_its_own() {
        let line = line(&Machine { networks: 2, ..machine() });
        for index in 0..2 {
            let network = format!("-netdev user,id=network{index},net=10.0.{}.0/24 ", index + 2);
            assert!(line.contains(&network), "{line}");
            assert!(
                line.contains(&format!("netdev=network{index},mac=52:54:00:77:61:0{}", index + 1))
            );
        }
        assert!(!self::line(&machine()).contains("-netdev"));
    }

    #[test]
    fn ports_of_the_host_lead_into_the_network_that_is_said() {
        let forwards = ["8080:80", "7007:7@1", "7008:8@0", "53:53@1/udp"]
            .map(|text| Forward::parse(text).unwrap());
        let line = line(&Machine { networks: 2, forwards: forwards.into(), ..machine() });
        for network in [
            "id=network0,net=10.0.2.0/24,hostfwd=tcp:127.0.0.1:8080-:80,hostfwd=tcp:127.0.0.1:7008-:8 ",
            "id=network1,net=10.0.3.0/24,hostfwd=tcp:127.0.0.1:7007-:7,hostfwd=udp:127.0.0.1:53-:53 ",
        ] {
            assert!(line.contains(network), "`{network}`: {line}");
        }
        for text in [
            "",
            "80",
            "80:",
            "0:80",
            "80:0",
            "80:70000",
            "a:b",
            "1:2:3",
            "1:2@",
            "1:2@a",
            "1:2@-1",
            "1:2/",
            "1:2/udp@1",
        ] {
            assert!(Forward::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_first_network_may_be_linuxs() {
        let tap = Some(Outlet::tap("tap0"));
        let two = line(&Machine { networks: 2, outlet: tap, ..machine() });
        assert!(two.contains("-netdev tap,id=network0,ifname=tap0,script=no,downscript=no "));
        assert!(two.contains("-netdev user,id=network1,net=10.0.3.0/24 "), "{two}");
        let socket = Some(Outlet::Socket("a,b".into()));
        let one = line(&Machine { networks: 1, outlet: socket, ..machine() });
        let option = "stream,id=network0,server=off,addr.type=unix,addr.path=a,,b";
        assert!(one.contains(&format!("-netdev {option} ")), "{one}");
    }

    #[test]
    fn a_tap_device_with_queues_has_a_pair_for_each_processor() {
        let outlet = Some(Outlet::Tap { name: "tap0".into(), has_queues: true });
        let with = |processors, board| {
            let outlet = outlet.clone();
            line(&Machine { networks: 2, processors, outlet, board, ..machine() })
        };
        for (processors, queues) in [(2, 2), (3, 3), (64, 8)] {
            let line = with(processors, Board::Q35);
            assert!(line.contains(&format!("downscript=no,queues={queues} ")), "{line}");
            let several = format!("mac=52:54:00:77:61:01,mq=on,vectors={} ", 2 * queues + 2);
            assert!(line.contains(&several) && line.matches("mq=on").count() == 1, "{line}");
        }
        // Linux wants to be asked for several, whoever uses them.
        for (processors, board) in [(1, Board::Q35), (2, Board::Microvm)] {
            let line = with(processors, board);
            assert!(line.contains(",queues=2 ") && !line.contains("mq=on"), "{line}");
        }
    }

    #[test]
    fn a_comma_in_a_path_does_not_end_it() {
        assert!(line(&machine()).contains("file=a,,b.ext4"));
    }

    #[test]
    fn a_machine_that_is_debugged_waits() {
        let debugged = Machine { debugger: Some("gdb.sock".into()), ..machine() };
        assert!(line(&debugged).contains("-gdb unix:gdb.sock,server=on,wait=off -S"));
        assert!(!line(&machine()).contains(" -S"));
    }

    #[test]
    fn the_status_of_the_system_is_in_the_exit_code() {
        assert_eq!(end(Some(1), true), End::Status(0));
        assert_eq!(end(Some(85), true), End::Status(42));
    }

    #[test]
    fn a_machine_that_was_never_heard_of_is_broken() {
        assert_eq!(end(Some(1), false), End::Broken);
        assert_eq!(end(None, true), End::Broken);
    }

    #[test]
    fn a_machine_that_ends_without_status_reset_itself() {
        assert_eq!(end(Some(0), true), End::Reset);
    }
}
