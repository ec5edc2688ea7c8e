//! What an HTTP server answers to `fetch`: heads, bodies in pieces, and where redirections lead.
#![no_main]

use libfuzzer_sys::fuzz_target;
use warren_web::{
    response::{BadResponse, Body, Framing, HEAD_BYTES, Read, read},
    url::Url,
};

/// The content of pieces of a body, and what the end of the connection means behind them.
fn content<'a>(
    framing: Framing,
    mut pieces: impl Iterator<Item = &'a [u8]>,
) -> Result<(Vec<u8>, bool, Result<(), BadResponse>), BadResponse> {
    let (mut body, mut output) = (Body::new(framing), Vec::new());
    pieces.try_for_each(|piece| body.take(piece, &mut output))?;
    Ok((output, body.is_whole(), body.end()))
}

// The first byte says how long the pieces are in which the body comes.
fuzz_target!(|bytes: &[u8]| {
    let Some((piece, bytes)) = bytes.split_first() else { return };
    let (head, length) = match read(bytes, piece % 2 == 1) {
        Read::Partial => return assert!(bytes.len() < HEAD_BYTES),
        Read::Bad(_) => return,
        Read::Head(head, length) => (head, length),
    };
    assert!(length <= bytes.len());
    // The same head is read the same way, whatever follows it.
    assert_eq!(read(&bytes[..length], piece % 2 == 1), Read::Head(head.clone(), length));
    let body = &bytes[length..];
    let whole = content(head.framing, [body].into_iter());
    let cut = content(head.framing, body.chunks(usize::from(*piece) + 1));
    assert_eq!(whole.as_ref().ok(), cut.as_ref().ok());
    if let Ok((content, ..)) = whole {
        assert!(content.len() <= body.len());
    }
    let here = Url::parse("http://a:81/b/c?d").expect("it is one");
    if let Some(Ok(there)) = head.elsewhere().map(|location| here.join(location)) {
        // What is sent is one line.
        assert!(
            there.target.starts_with('/') && there.target.bytes().all(|it| it.is_ascii_graphic())
        );
        assert!(!there.host.is_empty() && there.port != 0);
    }
});
