//! The program `fetch`, with HTTP servers of the test's own on this host, and with the system's.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    thread,
    time::Duration,
};

use warren_tests::{
    disk,
    run::{Run, folder, root},
    station::{bytes, free_port},
    variant::{OWN, Variant},
};

/// The placement that the system file says.
const DEFAULT: Variant = Variant { name: "default", arguments: &[] };
/// Bytes of a long document.
const LONG: usize = 5 << 20;
/// Longer than anybody waits for an answer in these tests.
const SILENCE: Duration = Duration::from_secs(60);

/// An HTTP server on this machine's loopback, which the guest reaches at its gateway's address. It ends with the test's process.
struct Station(SocketAddr);

impl Station {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of the loopback");
        let address = listener.local_addr().expect("it is bound");
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || answer(&stream));
            }
        });
        Station(address)
    }

    /// Where a document is, as the guest sees it.
    fn url(&self, target: &str) -> String {
        format!("http://10.0.2.2:{}{target}", self.0.port())
    }
}

/// Answers one request. A client that hears no more is no failure.
fn answer(mut stream: &TcpStream) -> Option<()> {
    let mut lines = BufReader::new(stream).lines();
    let line = lines.next()?.ok()?;
    let fields: Vec<String> = lines.map_while(Result::ok).take_while(|it| !it.is_empty()).collect();
    let (method, target) = line.strip_suffix(" HTTP/1.1")?.split_once(' ')?;
    let ok = |length: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
    let to = |target: &str| {
        format!("HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 5\r\n\r\nthere")
    };
    let (head, body) = match target {
        "/long" => (ok(LONG), bytes(1, LONG)),
        "/chunked" => ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".into(), chunked()),
        "/until-end" => ("HTTP/1.0 200 OK\r\n\r\n".into(), bytes(3, 100_000)),
        "/early" => {
            (format!("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n{}", ok(6)), b"early\n".into())
        }
        "/fields" => {
            let text = fields.join("\n") + "\n";
            (ok(text.len()), text.into())
        }
        "/moved/here?x" => (to("../moved/./there?y#z"), Vec::new()),
        "/moved/there?y" => (to("/early"), Vec::new()),
        "/round" => (to("/round"), Vec::new()),
        "/secret" => (to("https://10.0.2.2/"), Vec::new()),
        "/short" => (ok(10), b"short\n".into()),
        "/silent" => {
            thread::sleep(SILENCE);
            return None;
        }
        "/no-http" => ("220 mail\r\n".into(), Vec::new()),
        _ => ("HTTP/1.1 404 No Such Burrow\r\nContent-Length: 4\r\n\r\n".into(), b"none".into()),
    };
    stream.write_all(head.as_bytes()).ok()?;
    if method == "GET" {
        stream.write_all(&body).ok()?;
    }
    Some(())
}

/// Bytes in chunks of several lengths.
fn chunked() -> Vec<u8> {
    let (all, mut text) = (bytes(2, 300_000), Vec::new());
    let mut rest = &all[..];
    for length in [1, 17, 4096, 70_000].into_iter().cycle() {
        let (chunk, more) = rest.split_at(length.min(rest.len()));
        text.extend(format!("{:x};part\r\n", chunk.len()).bytes());
        text.extend(chunk);
        if chunk.is_empty() {
            text.extend(b"Trailing: field\r\n\r\n");
            return text;
        }
        text.extend(b"\r\n");
        rest = more;
    }
    text
}

/// What `sha256` says of bytes that it reads, as this host computes it.
fn sum(name: &str, bytes: &[u8]) -> String {
    let folder = folder("fetch");
    fs::write(folder.join(name), bytes).expect("the target directory can be written");
    let line = disk::sha256sum(&folder, &[name.into()]);
    format!("{}  -", line.split(' ').next().unwrap_or_default())
}

#[test]
fn documents_come_as_they_were_sent_in_every_placement() {
    let station = Station::start();
    for (variant, place) in [(DEFAULT, "default"), (OWN, "own")] {
        let lines = ["/long", "/chunked", "/until-end"]
            .map(|target| format!("fetch {} | sha256; echo status $?", station.url(target)));
        let run = Run::new("network", &lines).placed(&variant).go();
        let sums = [(1, LONG), (2, 300_000), (3, 100_000)]
            .map(|(seed, length)| sum(&format!("{place}-{seed}"), &bytes(seed, length)));
        let expected: Vec<&str> = sums.iter().flat_map(|sum| [sum.as_str(), "status 0"]).collect();
        assert_eq!(run.lines(), expected, "{}: {run}", variant.name);
    }
}

#[test]
fn redirections_are_followed_and_heads_are_shown() {
    let station = Station::start();
    let lines = [
        format!("fetch {}", station.url("/moved/here?x")),
        format!("fetch -I {} | grep Content", station.url("/long")),
        format!("fetch {}", station.url("/fields")),
    ];
    let run = Run::new("network", &lines).go();
    let host = format!("Host: 10.0.2.2:{}", station.0.port());
    let expected = [
        "early",
        &format!("Content-Length: {LONG}"),
        &host,
        "User-Agent: Warren",
        "Accept: */*",
        "Connection: close",
    ];
    let shown: Vec<&str> = run.lines().into_iter().map(|line| line.trim_end()).collect();
    assert_eq!(shown, expected, "{run}");
}

#[test]
fn what_does_not_come_is_said() {
    let (station, nobody) = (Station::start(), free_port());
    let cases = [
        (station.url("/nothing"), "404 No Such Burrow", 3),
        (station.url("/round"), "one redirection leads to the next", 3),
        (station.url("/secret"), "only http:// is spoken here", 3),
        (station.url("/short"), "the answer ended in the middle", 1),
        (station.url("/no-http"), "what answers there does not speak HTTP/1", 1),
        (format!("http://10.0.2.2:{nobody}/"), "nobody listens there", 1),
        ("http://a..b/".into(), "what was given is no name", 1),
        ("-W 300 http://10.0.2.99/".into(), "no answer came in time", 1),
        (format!("-W 300 {}", station.url("/silent")), "no answer came in time", 1),
        (format!("-t 600 {}", station.url("/silent")), "no answer came in time", 1),
        ("https://10.0.2.2/".into(), "only http:// is spoken here", 2),
        ("".into(), "URL is missing", 2),
    ];
    let lines: Vec<String> =
        cases.iter().map(|(arguments, ..)| format!("fetch {arguments}; echo status $?")).collect();
    let run = Run::new("network", &lines).go();
    let statuses: Vec<&str> =
        run.lines().into_iter().filter(|line| line.starts_with("status")).collect();
    let expected: Vec<String> =
        cases.iter().map(|(.., status)| format!("status {status}")).collect();
    assert_eq!(statuses, expected, "{run}");
    for (arguments, reason, _) in cases {
        let url = arguments.split(' ').next_back().unwrap_or_default();
        let is_it = |line: &str| line.contains(url) && line.ends_with(reason);
        assert!(run.output.lines().any(is_it), "`{arguments}`, `{reason}`: {run}");
    }
}

#[test]
fn the_systems_own_server_answers_over_loopback() {
    let lines = [
        "fetch http://127.0.0.1/ARCHITECTURE.md | sha256",
        "fetch http://[::1]/ARCHITECTURE.md | sha256",
        "fetch http://localhost/none; echo status $?",
    ];
    let run = Run::new("web", &lines).with([format!("--forward={}:80", free_port())]).go();
    let text = fs::read(Path::new(&root()).join("ARCHITECTURE.md")).expect("it is there");
    let missing = "fetch: http://localhost/none: 404 Not Found";
    let document = sum("loopback", &text);
    assert_eq!(run.lines(), [document.as_str(), &document, missing, "status 3"], "{run}");
}
