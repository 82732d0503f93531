//! A handler of wasi:http 0.2 in Rust, with its bindings by hand: `?do=echo` answers with the body as it comes, anything else
//! with what was asked, how often it has been asked before, and a number that is drawn.
#![crate_type = "cdylib"]

#[path = "../sdk/rust/wasi_http.rs"]
mod wasi;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU32, Ordering};

use wasi::{Answer, Request};

static REQUESTS: AtomicU32 = AtomicU32::new(0);

#[link(wasm_import_module = "wasi:http/types@0.2.12")]
extern "C" {
    #[link_name = "[resource-drop]incoming-request"]
    fn drop_request(request: u32);
}

#[export_name = "wasi:http/incoming-handler@0.2.12#handle"]
pub extern "C" fn handle(request: u32, out: u32) {
    wasi::start();
    let count = REQUESTS.fetch_add(1, Ordering::Relaxed) + 1;
    let request = Request::new(request);
    let target = request.path_with_query().unwrap_or_default();
    let query = target.splitn(2, '?').nth(1).unwrap_or("");
    match query.split('&').find_map(|part| part.strip_prefix("do=")) {
        Some("echo") => {
            let mut answer = Answer::begin(out, 200, &[("x-count", &count.to_string())]);
            let mut body = request.body();
            while let Some(part) = body.read() {
                answer.write(&part);
            }
            answer.finish();
        }
        Some("panic") => panic!("by request"),
        Some("twice") => {
            // What no guest may do.
            for _ in 0..2 {
                unsafe { drop_request(request.handle()) };
            }
        }
        _ => {
            eprintln!("printed");
            let random = RandomState::new().build_hasher().finish();
            let text = format!(
                "{{\"method\":\"{}\",\"target\":\"{}\",\"requests\":{},\"random\":\"{:x}\"}}",
                request.method(),
                target,
                count,
                random
            );
            let mut answer = Answer::begin(out, 200, &[("content-type", "application/json")]);
            answer.write(text.as_bytes());
            answer.finish();
        }
    }
}
