//! Answers with everything it received as one JSON object. The body is streamed through, never held.
//! Bytes outside printable ASCII are written as \u00XX, so that the text read as Latin-1 gives the bytes back.

use std::ffi::OsString;
use std::io::{self, BufWriter, Read, Write};

#[cfg(target_os = "wasi")]
use std::os::wasi::ffi::OsStrExt;
#[cfg(unix)]
use std::os::unix::ffi::OsStrExt;

/// The bytes moved at a time.
const CHUNK_BYTES: usize = 65_536;

fn main() -> io::Result<()> {
    let mut out = BufWriter::with_capacity(CHUNK_BYTES, io::stdout().lock());
    out.write_all(b"Content-Type: application/json\r\n\r\n{\"language\":\"rust\",\"method\":")?;
    text(&mut out, &std::env::var_os("REQUEST_METHOD").unwrap_or_default())?;
    out.write_all(b",\"args\":[")?;
    for (index, argument) in std::env::args_os().enumerate() {
        separator(&mut out, index)?;
        text(&mut out, &argument)?;
    }
    out.write_all(b"],\"env\":{")?;
    for (index, (name, value)) in std::env::vars_os().enumerate() {
        separator(&mut out, index)?;
        text(&mut out, &name)?;
        out.write_all(b":")?;
        text(&mut out, &value)?;
    }
    out.write_all(b"},\"body\":\"")?;
    let received = body(&mut out)?;
    write!(out, "\",\"bodyBytes\":{}}}\n", received)?;
    out.flush()
}

fn separator(out: &mut impl Write, index: usize) -> io::Result<()> {
    if index > 0 {
        out.write_all(b",")?;
    }
    Ok(())
}

fn text(out: &mut impl Write, value: &OsString) -> io::Result<()> {
    out.write_all(b"\"")?;
    bytes(out, value.as_bytes())?;
    out.write_all(b"\"")
}

fn bytes(out: &mut impl Write, value: &[u8]) -> io::Result<()> {
    for &byte in value {
        match byte {
            b'"' | b'\\' | 0..=0x1f | 0x7f..=0xff => write!(out, "\\u{:04x}", byte)?,
            _ => out.write_all(&[byte])?,
        }
    }
    Ok(())
}

/// Streams the body through and tells its length in bytes.
fn body(out: &mut impl Write) -> io::Result<u64> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut received = 0;
    let mut input = io::stdin().lock();
    loop {
        let got = input.read(&mut chunk)?;
        if got == 0 {
            return Ok(received);
        }
        received += got as u64;
        bytes(out, &chunk[..got])?;
    }
}
