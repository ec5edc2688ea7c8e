//! One run of the `warren` tool.

use std::{
    env,
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, OnceLock, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use crate::{namespace, variant::Variant};

/// How long a run may take before it is ended and counts as hung.
const LIMIT: Duration = Duration::from_secs(150);
/// The same for one that is preempted all the time.
const LONG_LIMIT: Duration = Duration::from_secs(600);
/// From one preemption to the next: up to as many instructions as two take or three.
const PREEMPTION: &str = "preempt=1-8000";
/// How long the tool may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(5);
/// Systems that run at the same time.
const AT_ONCE: usize = 2;

static RUNNING: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

/// The project's folder.
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_path_buf()
}

/// Cargo's target directory.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A folder for the files of tests. It is there when this returns, and no other process of tests writes into it while this one lives.
pub fn folder(name: &str) -> PathBuf {
    let all = target().join("warren").join("tests");
    let folder = all.join(name);
    std::fs::create_dir_all(&folder).expect("the target directory can be written");
    if !namespace::is_inside() {
        OURS.get_or_init(|| {
            let lock = File::create(all.join("lock")).expect("the target directory can be written");
            lock.lock().expect("files can be locked");
            lock
        });
    }
    folder
}

/// Locked while this process has the folders.
static OURS: OnceLock<File> = OnceLock::new();

/// A run to be made.
#[derive(Clone, Debug)]
pub struct Run {
    system: String,
    arguments: Vec<String>,
    script: String,
    limit: Duration,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Exit status; `None` if it hung or was killed.
    pub status: Option<i32>,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
    /// How long it took.
    pub time: Duration,
}

impl Run {
    /// Runs a system, with a script of these lines on standard input.
    pub fn new(system: &str, lines: &[impl AsRef<str>]) -> Self {
        let script = lines.iter().map(|line| format!("{}\n", line.as_ref())).collect();
        Run { system: system.into(), arguments: Vec::new(), script, limit: LIMIT }
    }

    /// With further arguments.
    pub fn with<I: AsRef<str>>(mut self, arguments: impl IntoIterator<Item = I>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|word| word.as_ref().to_owned()));
        self
    }

    /// Placed as the variant says.
    pub fn placed(self, variant: &Variant) -> Self {
        self.with(variant.arguments)
    }

    /// On a machine with so many CPUs.
    pub fn cpus(self, cpus: u32) -> Self {
        self.with(["--cpus", &cpus.to_string()])
    }

    /// On a machine with so many CPUs that counts instructions, where threads are preempted at any of them: on each CPU after a random
    /// number of instructions somebody else runs.
    pub fn preempted_anywhere(self, cpus: u32) -> Self {
        self.cpus(cpus).with(["--count-instructions", "--append", PREEMPTION]).limit(LONG_LIMIT)
    }

    /// With this disk image.
    pub fn disk(self, image: &Path) -> Self {
        self.with(["--disk", &image.display().to_string()])
    }

    /// With another time limit.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Makes the run.
    pub fn go(&self) -> Ended {
        self.start().end()
    }

    /// Begins the run. Lines can be said to it until its end.
    pub fn start(&self) -> Running {
        let turn = Turn::wait();
        let start = Instant::now();
        let mut child = Command::new(target().join("release").join("warren"))
            .env("WARREN_ROOT", root())
            .arg("run")
            .arg(&self.system)
            .args(&self.arguments)
            .current_dir(root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("`./warren build` makes the tool");
        let mut script = child.stdin.take().expect("it is piped");
        let (lines, said) = mpsc::channel::<String>();
        thread::spawn(move || {
            // A system that ends early reads no further, which is no failure.
            said.into_iter().try_for_each(|text| script.write_all(text.as_bytes()))
        });
        let _ = lines.send(self.script.clone());
        let output = Heard::of(child.stdout.take().expect("it is piped"));
        let errors = Heard::of(child.stderr.take().expect("it is piped"));
        Running { child, lines, output, errors, start, limit: self.limit, _turn: turn }
    }
}

/// A run under way.
pub struct Running {
    child: Child,
    lines: mpsc::Sender<String>,
    output: Heard,
    errors: Heard,
    start: Instant,
    limit: Duration,
    _turn: Turn,
}

impl Running {
    /// Says a line more of the script.
    pub fn say(&self, line: &str) {
        let _ = self.lines.send(format!("{line}\n"));
    }

    /// Says a line of the script, waits until it has been run, and returns what it put out; `None` if the system ends, or takes longer than the run may.
    pub fn ask(&self, line: &str) -> Option<String> {
        let before = self.output.text().len();
        let mark = format!("mark-{before}");
        self.say(line);
        self.say(&format!("echo {mark}"));
        loop {
            let all = self.output.text();
            if let Some((text, _)) = all[before..].split_once(&format!("{mark}\n")) {
                return Some(text.into());
            }
            if self.output.reader.is_finished() || self.start.elapsed() > self.limit {
                return None;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends the script, and waits for the end.
    pub fn end(mut self) -> Ended {
        drop(self.lines);
        let limit = self.limit.saturating_sub(self.start.elapsed());
        let status = wait(&mut self.child, limit).and_then(|status| status.code());
        let (output, errors) = (self.output.join(), self.errors.join());
        Ended { status, output, errors, time: self.start.elapsed() }
    }
}

/// What is read of a pipe, as it comes.
struct Heard {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: thread::JoinHandle<()>,
}

impl Heard {
    fn of(mut from: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let heard = bytes.clone();
        let reader = thread::spawn(move || {
            let mut chunk = [0; 4096];
            // What was read until an error is what there is.
            while let Ok(count @ 1..) = from.read(&mut chunk) {
                heard.lock().unwrap_or_else(PoisonError::into_inner).extend(&chunk[..count]);
            }
        });
        Heard { bytes, reader }
    }

    fn text(&self) -> String {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// All of it, when nothing more comes.
    fn join(self) -> String {
        let Heard { bytes, reader } = self;
        let _ = reader.join();
        let bytes = bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Ended {
    /// Fails the test unless the status is this one.
    #[track_caller]
    pub fn expect_status(&self, status: i32) -> &Self {
        assert_eq!(self.status, Some(status), "{self}");
        self
    }

    /// The output's lines.
    pub fn lines(&self) -> Vec<&str> {
        self.output.lines().collect()
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.status {
            Some(status) => writeln!(f, "status {status} after {:?}", self.time)?,
            None => writeln!(f, "hung: ended after {:?}", self.time)?,
        }
        writeln!(f, "--- output\n{}--- errors\n{}---", self.output, self.errors)
    }
}

/// The right to run a system now.
pub(crate) struct Turn(());

impl Turn {
    /// Waits until there is one.
    pub(crate) fn wait() -> Self {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        while *running >= AT_ONCE {
            running = ENDED.wait(running).unwrap_or_else(PoisonError::into_inner);
        }
        *running += 1;
        Turn(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        ENDED.notify_one();
    }
}

/// Waits for the end; asks for it when the time is over, and `None` then.
fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    if let Some(status) = wait_until(child, Instant::now() + limit) {
        return Some(status);
    }
    // The tool ends what it started when it is asked to.
    let _ = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status();
    if wait_until(child, Instant::now() + GRACE).is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    None
}

fn wait_until(child: &mut Child, end: Instant) -> Option<ExitStatus> {
    while Instant::now() < end {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(10));
    }
    None
}
