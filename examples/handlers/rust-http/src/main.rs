//! The handler of ../../README.md in Rust: a component of wasi:http, without dependencies. What it reads and writes texts with
//! is that of the CGI program (`text.rs`), and `wasi_http.rs` is what wasm-fpm brings in guests/sdk/rust.
#![crate_type = "cdylib"]

mod text;
mod wasi_http;

use text::{encode, greet, json_text, read_json, read_pairs};
use wasi_http::{start, Answer, Body, Request};

/// Most that a greeting's body may have, in bytes.
const BODY_BYTES: usize = 65_536;

const NO_NAME: Refused = (400, "wanted a name");

/// Why a request is refused: the status, and the reason for the client.
type Refused = (u32, &'static str);

/// The cookie that is set, or "", and the body.
type Answered = (String, String);

#[export_name = "wasi:http/incoming-handler@0.2.12#handle"]
pub extern "C" fn handle(request: u32, out: u32) {
    start();
    let request = Request::new(request);
    let (method, target) = (request.method(), request.path_with_query().unwrap_or_default());
    // A component is told the whole path, wherever it is mounted.
    let path = target.split('?').next().unwrap_or("");
    let answered = match (path.rsplit('/').next().unwrap_or(""), method.as_str()) {
        ("greeting", "GET") => greeting(&request),
        ("greeting", "POST") => remember(request),
        ("upload", "POST") => upload(request.body()),
        ("stream", "POST") => return stream(request.body(), out),
        ("greeting" | "upload" | "stream", _) => Err((405, "no such method")),
        _ => Err((404, "no such route")),
    };
    let (status, cookie, body) = match answered {
        Ok((cookie, body)) => (200, cookie, body),
        Err((status, why)) => (status, String::new(), format!("{{\"error\":{}}}", json_text(why))),
    };
    let mut fields = vec![("content-type", "application/json")];
    if !cookie.is_empty() {
        fields.push(("set-cookie", &cookie));
    }
    let mut answer = Answer::begin(out, status, &fields);
    answer.write(format!("{body}\n").as_bytes());
    answer.finish();
}

fn greeting(request: &Request) -> Result<Answered, Refused> {
    let cookies = read_pairs(&request.header("cookie"), ';');
    Ok((String::new(), greet(cookies.get("name").map_or("stranger", String::as_str))))
}

fn remember(request: Request) -> Result<Answered, Refused> {
    let kind = request.header("content-type");
    let is_json = kind.starts_with("application/json");
    if !is_json && !kind.starts_with("application/x-www-form-urlencoded") {
        return Err((415, "wanted JSON or a form"));
    }
    let (mut body, mut bytes) = (request.body(), Vec::new());
    while let Some(part) = body.read() {
        bytes.extend(part);
        if bytes.len() > BODY_BYTES {
            return Err((413, "too long"));
        }
    }
    let body = String::from_utf8_lossy(&bytes);
    let fields = if is_json { read_json(&body) } else { Some(read_pairs(&body, '&')) };
    let fields = fields.ok_or(NO_NAME)?;
    let name = fields.get("name").ok_or(NO_NAME)?;
    Ok((format!("name={}; Path=/; HttpOnly; SameSite=Lax", encode(name)), greet(name)))
}

fn upload(mut body: Body) -> Result<Answered, Refused> {
    let (mut bytes, mut sum) = (0, 2_166_136_261_u32);
    while let Some(part) = body.read() {
        bytes += part.len();
        for byte in part {
            sum = (sum ^ u32::from(byte)).wrapping_mul(16_777_619);
        }
    }
    Ok((String::new(), format!("{{\"bytes\":{bytes},\"fnv1a\":\"{sum:08x}\"}}")))
}

/// Line by line: each goes out when it has come.
fn stream(mut body: Body, out: u32) {
    let mut answer = Answer::begin(out, 200, &[("content-type", "text/plain")]);
    let mut line = Vec::new();
    while let Some(part) = body.read() {
        for byte in part {
            line.push(byte.to_ascii_uppercase());
            if byte == b'\n' {
                answer.write(&line);
                line.clear();
            }
        }
    }
    answer.write(&line);
    answer.finish();
}
