//! Stands before another handler of wasi:http, which it is composed with: `?guard=deny` it answers itself, `?guard=panic` it does
//! not survive, and all else the other one is given, request and answer with it.
#![crate_type = "cdylib"]

#[path = "../sdk/rust/wasi_http.rs"]
mod wasi;

use wasi::{Answer, Request};

#[link(wasm_import_module = "wasi:http/incoming-handler@0.2.12")]
extern "C" {
    #[link_name = "handle"]
    fn handle_next(request: u32, out: u32);
}

#[export_name = "wasi:http/incoming-handler@0.2.12#handle"]
pub extern "C" fn handle(request: u32, out: u32) {
    wasi::start();
    let target = Request::new(request).path_with_query().unwrap_or_default();
    let query = target.splitn(2, '?').nth(1).unwrap_or("");
    match query.split('&').find_map(|part| part.strip_prefix("guard=")) {
        Some("deny") => {
            let mut answer = Answer::begin(out, 403, &[("content-type", "text/plain")]);
            answer.write(b"denied");
            answer.finish();
        }
        Some("panic") => panic!("in the guard"),
        _ => {
            unsafe { handle_next(request, out) };
            eprintln!("handled {target}");
        }
    }
}
