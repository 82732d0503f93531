//! The handler of ../../README.md in Rust: a CGI program, without dependencies.

mod text;

use std::env;
use std::io::{self, BufRead, Read, Write};

use text::{encode, greet, json_text, read_json, read_pairs};

/// Most that a greeting's body may have, in bytes.
const BODY_BYTES: u64 = 65_536;

/// Why a request is refused: the status, and the reason for the client.
type Refused = (&'static str, &'static str);

const NO_NAME: Refused = ("400 Bad Request", "wanted a name");

/// A variable of the request, or "" when it has none of that name.
fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

fn main() -> io::Result<()> {
    let (path, method) = (variable("PATH_INFO"), variable("REQUEST_METHOD"));
    let mut out = io::stdout().lock();
    let answered = match (path.as_str(), method.as_str()) {
        ("/greeting", "GET") => greeting(),
        ("/greeting", "POST") => remember(),
        ("/upload", "POST") => upload(),
        ("/stream", "POST") => return stream(&mut out),
        ("/greeting" | "/upload" | "/stream", _) => Err(("405 Method Not Allowed", "no such method")),
        _ => Err(("404 Not Found", "no such route")),
    };
    let (fields, body) = answered.unwrap_or_else(|(status, why)| {
        (format!("Status: {}\r\n", status), format!("{{\"error\":{}}}", json_text(why)))
    });
    write!(out, "{}Content-Type: application/json\r\n\r\n{}\n", fields, body)
}

fn greeting() -> Result<(String, String), Refused> {
    let cookies = read_pairs(&variable("HTTP_COOKIE"), ';');
    Ok((String::new(), greet(cookies.get("name").map_or("stranger", String::as_str))))
}

fn remember() -> Result<(String, String), Refused> {
    let kind = variable("CONTENT_TYPE");
    let is_json = kind.starts_with("application/json");
    if !is_json && !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(("415 Unsupported Media Type", "wanted JSON or a form"));
    }
    let mut body = Vec::new();
    io::stdin().lock().take(BODY_BYTES + 1).read_to_end(&mut body).map_err(|_| NO_NAME)?;
    if body.len() as u64 > BODY_BYTES {
        return Err(("413 Content Too Large", "too long"));
    }
    let body = String::from_utf8_lossy(&body);
    let fields = if is_json { read_json(&body) } else { Some(read_pairs(&body, '&')) };
    let fields = fields.ok_or(NO_NAME)?;
    let name = fields.get("name").ok_or(NO_NAME)?;
    let cookie = format!("Set-Cookie: name={}; Path=/; HttpOnly; SameSite=Lax\r\n", encode(name));
    Ok((cookie, greet(name)))
}

fn upload() -> Result<(String, String), Refused> {
    let (mut bytes, mut sum, mut chunk) = (0, 2_166_136_261_u32, vec![0; 65_536]);
    let mut input = io::stdin().lock();
    loop {
        let count = input.read(&mut chunk).map_err(|_| ("400 Bad Request", "the body broke off"))?;
        if count == 0 {
            break;
        }
        bytes += count;
        for &byte in &chunk[..count] {
            sum = (sum ^ u32::from(byte)).wrapping_mul(16_777_619);
        }
    }
    Ok((String::new(), format!("{{\"bytes\":{},\"fnv1a\":\"{:08x}\"}}", bytes, sum)))
}

/// Line by line: each goes out when it has come.
fn stream(out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"Content-Type: text/plain\r\n\r\n")?;
    let (mut input, mut line) = (io::stdin().lock(), Vec::new());
    while input.read_until(b'\n', &mut line)? > 0 {
        line.make_ascii_uppercase();
        out.write_all(&line)?;
        out.flush()?;
        line.clear();
    }
    Ok(())
}
