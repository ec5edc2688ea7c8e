//! HTTP, with this host as the client: `systems/web.kdl` serves the project's documents.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, SystemTime},
};

use warren_tests::{
    changed::changed,
    disk, namespace,
    run::{Running, folder, root},
    station::{connect, reachable, wait_for},
    variant::HOSTED,
};

/// An answer.
#[derive(Debug)]
struct Answer {
    status: u32,
    /// Names in lower case.
    fields: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn field(&self, name: &str) -> Option<&str> {
        let mut all = self.fields.iter();
        all.find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// A connection on which requests follow each other.
struct Client(BufReader<TcpStream>);

impl Client {
    fn new(port: SocketAddr) -> Self {
        Client(BufReader::new(connect(port).expect("somebody listens")))
    }

    /// Sends a request, and reads the answer; `None` if there is none.
    fn ask(&mut self, method: &str, path: &str, fields: &str) -> Option<Answer> {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: warren\r\n{fields}\r\n");
        self.0.get_mut().write_all(request.as_bytes()).ok()?;
        let mut line = || {
            let mut line = String::new();
            self.0.read_line(&mut line).ok()?;
            line.strip_suffix("\r\n").map(str::to_owned)
        };
        let status = line()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
        let mut all = Vec::new();
        while let Some((name, value)) = line()?.split_once(": ") {
            all.push((name.to_lowercase(), value.to_owned()));
        }
        let mut answer = Answer { status, fields: all, body: Vec::new() };
        let length = answer.field("content-length").and_then(|text| text.parse().ok());
        if method != "HEAD" && status != 304 {
            answer.body.resize(length?, 0);
            self.0.read_exact(&mut answer.body).ok()?;
        }
        Some(answer)
    }

    /// Whether the other side has ended the connection.
    fn ends(mut self) -> bool {
        matches!(self.0.read(&mut [0]), Ok(0) | Err(_))
    }
}

fn web() -> (Running, SocketAddr) {
    let (run, [port]) = reachable("web", [80]);
    let run = if namespace::is_inside() { run.placed(&HOSTED) } else { run }.start();
    wait_for_answer(port);
    (run, port)
}

fn wait_for_answer(port: SocketAddr) {
    wait_for("nobody answers", || {
        let answer = Client::try_new(port).and_then(|mut client| client.ask("HEAD", "/", ""));
        answer.map(drop).ok_or("there is no answer")
    });
}

impl Client {
    fn try_new(port: SocketAddr) -> Option<Self> {
        Some(Client(BufReader::new(connect(port).ok()?)))
    }
}

#[test]
fn the_documents_are_served_to_clients_that_stay() {
    let (run, port) = web();
    let text = fs::read(root().join("ARCHITECTURE.md")).expect("it is there");
    let mut client = Client::new(port);
    // One connection for all of them.
    let whole = client.ask("GET", "/ARCHITECTURE.md", "").expect("an answer");
    assert_eq!((whole.status, whole.body == text), (200, true));
    assert_eq!(whole.field("content-type"), Some("text/plain; charset=utf-8"));
    let tag = whole.field("etag").expect("a tag").to_owned();

    let head = client.ask("HEAD", "/ARCHITECTURE.md", "").expect("an answer");
    assert_eq!(head.field("content-length"), Some(text.len().to_string().as_str()));

    let part =
        client.ask("GET", "/ARCHITECTURE.md", "Range: bytes=100-299\r\n").expect("an answer");
    assert_eq!((part.status, &part.body[..]), (206, &text[100..300]));
    let last = client.ask("GET", "/ARCHITECTURE.md", "Range: bytes=-7\r\n").expect("an answer");
    assert_eq!(last.body, text[text.len() - 7..]);
    let expected = format!("bytes {}-{}/{}", text.len() - 7, text.len() - 1, text.len());
    assert_eq!(last.field("content-range"), Some(expected.as_str()));
    let none =
        client.ask("GET", "/ARCHITECTURE.md", "Range: bytes=9999999-\r\n").expect("an answer");
    assert_eq!(none.status, 416);

    let known = format!("If-None-Match: {tag}\r\n");
    let known = client.ask("GET", "/ARCHITECTURE.md", &known).expect("an answer");
    assert_eq!(known.status, 304);
    let expected = format!("If-Match: {tag}\r\n");
    let expected = client.ask("HEAD", "/ARCHITECTURE.md", &expected).expect("an answer");
    assert_eq!(expected.status, 200);
    let other = client.ask("GET", "/ARCHITECTURE.md", "If-Match: \"x\"\r\n").expect("an answer");
    assert_eq!(other.status, 412);

    let folder = client.ask("GET", "/", "").expect("an answer");
    let listing = String::from_utf8(folder.body).expect("it is text");
    assert!(listing.contains("<a href=\"./ARCHITECTURE.md\">ARCHITECTURE.md</a>"), "{listing}");
    let missing = client.ask("GET", "/a/b", "").expect("an answer");
    assert_eq!(missing.status, 404);
    let closed = client.ask("GET", "/README.md", "Connection: close\r\n").expect("an answer");
    assert_eq!((closed.status, closed.field("connection")), (200, Some("close")));
    assert!(client.ends());

    let shown = run.ask("http").unwrap_or_default();
    let listeners = run.ask("netstat -j").unwrap_or_default();
    let threads = run.ask("threads").unwrap_or_default();
    let ended = run.end();
    assert!(shown.contains(" 3 of them by errors"), "{shown}: {ended}");
    // Whoever listens pays for it, also by the thread that TCP has for it.
    let listener = "{\"state\":\"LISTEN\",\"local_port\":80,\"principal\":1,";
    assert!(listeners.contains(listener), "{listeners}: {ended}");
    let is_tcp = |line: &str| line.contains("tcp") && line.contains("web");
    assert!(threads.lines().any(is_tcp), "{threads}: {ended}");
    ended.expect_status(0);
}

#[test]
fn what_is_no_request_is_refused_and_does_no_harm() {
    let (run, port) = web();
    let refused = |text: &str| {
        let mut stream = connect(port).expect("somebody listens");
        let mut answer = Vec::new();
        stream.write_all(text.as_bytes()).expect("it is taken");
        stream.read_to_end(&mut answer).expect("it ends in order");
        String::from_utf8_lossy(&answer).get(9..12).and_then(|text| text.parse::<u32>().ok())
    };
    assert_eq!(refused("GET /../etc HTTP/1.1\r\nHost: a\r\n\r\n"), Some(400));
    assert_eq!(refused("GET /%2e%2e/%2e%2e/ HTTP/1.1\r\nHost: a\r\n\r\n"), Some(400));
    assert_eq!(refused("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"), Some(405));
    assert_eq!(refused("FOO / HTTP/1.1\r\nHost: a\r\n\r\n"), Some(501));
    assert_eq!(refused("nonsense\r\n\r\n"), Some(400));
    assert_eq!(refused("GET / HTTP/1.1\r\n\r\n"), Some(400));
    assert_eq!(refused(&format!("GET /{} HTTP/1.1\r\n", "a".repeat(8300))), Some(414));
    assert!(Client::new(port).ask("GET", "/README.md", "").is_some_and(|it| it.status == 200));
    run.end().expect_status(0);
}

#[test]
fn documents_are_served_as_they_are_now() {
    let folder = folder("http-mounts");
    let trees = ["first", "second"].map(|name| folder.join(name));
    // Nobody tells them apart by length and time.
    let pages = [trees[0].join("docs/below/page"), trees[1].join("page")];
    for (page, text) in pages.iter().zip(["first\n", "other\n"]) {
        fs::create_dir_all(page.parent().expect("it has one")).expect("it can be made");
        fs::write(page, text).expect("it can be written");
        let file = fs::File::options().write(true).open(page).expect("it was written");
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        file.set_modified(then).expect("it can be changed");
    }
    let volumes = ["first.ext4", "second.ext4"].map(|name| folder.join(name));
    trees.iter().zip(&volumes).for_each(|(tree, volume)| disk::make(tree, volume));
    let image = folder.join("disk.img");
    disk::partitioned(&image, "gpt", &[&volumes[0], &volumes[1]]);

    let (run, [port]) = reachable("web", [80]);
    let run = run.disk(&image).start();
    wait_for_answer(port);
    let mut client = Client::new(port);
    let mut page = || {
        let answer = client.ask("GET", "/below/page", "").expect("the connection stays");
        (answer.status, String::from_utf8(answer.body).expect("it is text"))
    };
    let (first, other) = ((200, "first\n".into()), (200, "other\n".into()));
    for _ in 0..3 {
        assert_eq!(page(), first);
        run.ask("mount ext4-2 /docs/below").expect("the shell runs");
        assert_eq!((page(), page()), (other.clone(), other.clone()));
        run.ask("unmount /docs/below").expect("the shell runs");
    }
    assert_eq!(page(), first);
    // Files that stay open for a while keep their server alive no longer than that.
    wait_for("what nobody has mounted stays", || {
        let servers = run.ask("servers").expect("the shell runs");
        if servers.lines().any(|line| line.starts_with("ext4-2 ")) { Err(servers) } else { Ok(()) }
    });
    // And they die with their server, which is back for the next request or soon.
    for _ in 0..3 {
        run.ask("crash ext4 null").expect("the shell runs");
        wait_for("the page does not come back", || match page() {
            page if page == first => Ok(()),
            (status, text) => Err(format!("{status} {text}")),
        });
    }
    run.end().expect_status(0);
}

#[test]
fn documents_are_served_by_a_linux_process() {
    namespace::within(|| {
        the_documents_are_served_to_clients_that_stay();
        what_is_no_request_is_refused_and_does_no_harm();
    });
}

#[test]
fn a_server_whose_folder_is_not_there_says_so_and_starts() {
    let system = changed("web", "change \"http\" { parameter \"root\" \"/nowhere/\"; }");
    let (run, [port]) = reachable(&system, [80]);
    let run = run.start();
    wait_for_answer(port);
    let log = run.ask("log").unwrap_or_default();
    let ended = run.end();
    assert!(log.contains("http: warning: there is no folder `/nowhere` yet"), "{log}: {ended}");
    assert!(log.contains("http: started"), "{log}: {ended}");
}
