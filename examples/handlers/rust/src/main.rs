//! The handler of ../../README.md in Rust: a CGI program, without dependencies.

use std::collections::HashMap;
use std::env;
use std::io::{self, BufRead, Read, Write};

/// Most that a greeting's body may have, in bytes.
const BODY_BYTES: u64 = 65_536;

type Fields = HashMap<String, String>;

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

fn greet(name: &str) -> String {
    format!("{{\"hello\":{}}}", json_text(name))
}

fn json_text(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\0'..='\x1f' => out.push_str(&format!("\\u{:04x}", character as u32)),
            _ => out.push(character),
        }
    }
    out + "\""
}

/// Pairs of a form or of cookies; of a name that is there twice the first counts.
fn read_pairs(text: &str, separator: char) -> Fields {
    let mut fields = Fields::new();
    for pair in text.split(separator) {
        if let Some((name, value)) = pair.trim_start().split_once('=') {
            fields.entry(decode(name)).or_insert_with(|| decode(value));
        }
    }
    fields
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let escaped = (byte == b'%').then(|| after.get(..2)).flatten();
        match escaped.and_then(|two| std::str::from_utf8(two).ok()).and_then(hex) {
            Some(value) => {
                bytes.push(value as u8);
                rest = &after[2..];
            }
            None => bytes.push(if byte == b'+' { b' ' } else { byte }),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{:02X}", byte) })
        .collect()
}

fn hex(digits: &str) -> Option<u32> {
    // `from_str_radix` takes a sign, too.
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

/// JSON: one object, whose values are texts (RFC 8259).
fn read_json(text: &str) -> Option<Fields> {
    let mut fields = Fields::new();
    let mut rest = take(text, '{')?;
    loop {
        let (name, after_name) = read_text(rest)?;
        let (value, after_value) = read_text(take(after_name, ':')?)?;
        fields.insert(name, value);
        match take(after_value, ',') {
            Some(after) => rest = after,
            None => return take(after_value, '}')?.trim().is_empty().then_some(fields),
        }
    }
}

fn take(text: &str, wanted: char) -> Option<&str> {
    text.trim_start_matches([' ', '\t', '\r', '\n']).strip_prefix(wanted)
}

fn read_text(text: &str) -> Option<(String, &str)> {
    let mut rest = take(text, '"')?;
    let mut read = String::new();
    loop {
        let character = rest.chars().next()?;
        rest = &rest[character.len_utf8()..];
        match character {
            '"' => return Some((read, rest)),
            '\\' => {
                let (meant, after) = read_escape(rest)?;
                read.push(meant);
                rest = after;
            }
            '\0'..='\x1f' => return None,
            _ => read.push(character),
        }
    }
}

fn read_escape(text: &str) -> Option<(char, &str)> {
    let escape = text.chars().next()?;
    let rest = &text[escape.len_utf8()..];
    let meant = match escape {
        '"' | '\\' | '/' => escape,
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return read_code_point(rest),
        _ => return None,
    };
    Some((meant, rest))
}

/// Four digits, and four more of what is made of two.
fn read_code_point(text: &str) -> Option<(char, &str)> {
    let first = hex(text.get(..4)?)?;
    let rest = &text[4..];
    let second = rest.strip_prefix("\\u").and_then(|after| hex(after.get(..4)?));
    match (first, second) {
        (0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) => {
            Some((char::from_u32(0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00))?, &rest[6..]))
        }
        _ => Some((char::from_u32(first).unwrap_or('\u{fffd}'), rest)),
    }
}
