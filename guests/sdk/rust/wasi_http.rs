//! What of wasi:http and wasi:io a handler calls, as the canonical ABI passes it (version 0.2.12): requests, bodies that are read as
//! they come, answers that go out as they are written. A module of a crate: it takes of it what it needs.
#![allow(dead_code)]

use std::alloc::{alloc, realloc, Layout};
use std::sync::atomic::{AtomicBool, Ordering};

/// Where results are put that are more than one number: the largest is an `error-code`.
#[repr(C, align(8))]
struct Area([u8; 64]);

impl Area {
    fn new() -> Area {
        Area([0; 64])
    }
    fn at(&mut self) -> *mut u8 {
        self.0.as_mut_ptr()
    }
    fn is_ok(&self) -> bool {
        self.0[0] == 0
    }
    fn u32(&self, offset: usize) -> u32 {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&self.0[offset..offset + 4]);
        u32::from_le_bytes(bytes)
    }
    /// A list of lists of bytes.
    fn lists(&self, offset: usize) -> Vec<Vec<u8>> {
        let length = self.u32(offset + 4) as usize;
        if length == 0 {
            return Vec::new();
        }
        let pairs = unsafe { Vec::from_raw_parts(self.u32(offset) as *mut [u32; 2], length, length) };
        pairs.into_iter().map(|[at, length]| bytes_at(at, length as usize)).collect()
    }
    /// A list of bytes that the host has put into memory of ours.
    fn list(&self, offset: usize) -> Vec<u8> {
        bytes_at(self.u32(offset), self.u32(offset + 4) as usize)
    }
}

fn bytes_at(at: u32, length: usize) -> Vec<u8> {
    if length == 0 {
        return Vec::new();
    }
    unsafe { Vec::from_raw_parts(at as *mut u8, length, length) }
}

/// Gives the host memory for what it answers.
#[export_name = "cabi_realloc"]
pub unsafe extern "C" fn cabi_realloc(
    old: *mut u8,
    old_length: usize,
    alignment: usize,
    length: usize,
) -> *mut u8 {
    if length == 0 {
        return alignment as *mut u8;
    }
    if old_length == 0 {
        return alloc(Layout::from_size_align_unchecked(length, alignment));
    }
    realloc(old, Layout::from_size_align_unchecked(old_length, alignment), length)
}

extern "C" {
    fn __wasm_call_ctors();
}

/// What the C library does before all else. Who calls it keeps the linker from having every export do so, `cabi_realloc` too, which
/// must not call the host.
pub fn start() {
    static STARTED: AtomicBool = AtomicBool::new(false);
    if !STARTED.swap(true, Ordering::Relaxed) {
        unsafe { __wasm_call_ctors() };
    }
}

#[link(wasm_import_module = "wasi:http/types@0.2.12")]
extern "C" {
    #[link_name = "[method]incoming-request.method"]
    fn request_method(request: u32, result: *mut u8);
    #[link_name = "[method]incoming-request.path-with-query"]
    fn request_path(request: u32, result: *mut u8);
    #[link_name = "[method]incoming-request.consume"]
    fn request_consume(request: u32, result: *mut u8);
    #[link_name = "[method]incoming-request.headers"]
    fn request_headers(request: u32) -> u32;
    #[link_name = "[method]fields.get"]
    fn fields_get(fields: u32, name: *const u8, name_length: usize, result: *mut u8);
    #[link_name = "[resource-drop]fields"]
    fn drop_fields(fields: u32);
    #[link_name = "[resource-drop]incoming-request"]
    fn drop_request(request: u32);
    #[link_name = "[method]incoming-body.stream"]
    fn body_stream(body: u32, result: *mut u8);
    #[link_name = "[resource-drop]incoming-body"]
    fn drop_incoming_body(body: u32);
    #[link_name = "[constructor]fields"]
    fn new_fields() -> u32;
    #[link_name = "[method]fields.append"]
    fn fields_append(
        fields: u32,
        name: *const u8,
        name_length: usize,
        value: *const u8,
        value_length: usize,
        result: *mut u8,
    );
    #[link_name = "[constructor]outgoing-response"]
    fn new_response(fields: u32) -> u32;
    #[link_name = "[method]outgoing-response.set-status-code"]
    fn set_status(response: u32, status: u32) -> u32;
    #[link_name = "[method]outgoing-response.body"]
    fn response_body(response: u32, result: *mut u8);
    #[link_name = "[method]outgoing-body.write"]
    fn body_write(body: u32, result: *mut u8);
    #[link_name = "[static]outgoing-body.finish"]
    fn body_finish(body: u32, has_trailers: u32, trailers: u32, result: *mut u8);
    /// `result<outgoing-response, error-code>` takes eight numbers; of `ok` only the first two say something.
    #[link_name = "[static]response-outparam.set"]
    fn outparam_set(out: u32, is_err: u32, response: u32, b: u32, c: u64, d: u32, e: u32, f: u32, g: u32);
}

#[link(wasm_import_module = "wasi:io/streams@0.2.12")]
extern "C" {
    #[link_name = "[method]input-stream.blocking-read"]
    fn blocking_read(stream: u32, most: u64, result: *mut u8);
    #[link_name = "[method]output-stream.blocking-write-and-flush"]
    fn write_and_flush(stream: u32, bytes: *const u8, length: usize, result: *mut u8);
    #[link_name = "[resource-drop]input-stream"]
    fn drop_input(stream: u32);
    #[link_name = "[resource-drop]output-stream"]
    fn drop_output(stream: u32);
}

const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// Most that one write may have.
const WRITE_BYTES: usize = 4096;

pub struct Request(u32);

impl Request {
    pub fn new(handle: u32) -> Request {
        Request(handle)
    }

    pub fn handle(&self) -> u32 {
        self.0
    }

    pub fn method(&self) -> String {
        let mut area = Area::new();
        unsafe { request_method(self.0, area.at()) };
        match METHODS.get(area.0[0] as usize) {
            Some(name) => name.to_string(),
            None => String::from_utf8(area.list(4)).unwrap(),
        }
    }

    pub fn path_with_query(&self) -> Option<String> {
        let mut area = Area::new();
        unsafe { request_path(self.0, area.at()) };
        if area.0[0] == 0 {
            return None;
        }
        Some(String::from_utf8(area.list(4)).unwrap())
    }

    /// The first field of this name, or "".
    pub fn header(&self, name: &str) -> String {
        let mut area = Area::new();
        unsafe {
            let fields = request_headers(self.0);
            fields_get(fields, name.as_ptr(), name.len(), area.at());
            drop_fields(fields);
        }
        area.lists(0).first().map_or_else(String::new, |value| String::from_utf8_lossy(value).into_owned())
    }

    pub fn body(self) -> Body {
        let mut area = Area::new();
        unsafe { request_consume(self.0, area.at()) };
        assert!(area.is_ok());
        let body = area.u32(4);
        unsafe { body_stream(body, area.at()) };
        assert!(area.is_ok());
        Body { request: self.0, body, stream: area.u32(4) }
    }
}

pub struct Body {
    request: u32,
    body: u32,
    stream: u32,
}

impl Body {
    /// `None`: the end.
    pub fn read(&mut self) -> Option<Vec<u8>> {
        let mut area = Area::new();
        unsafe { blocking_read(self.stream, 65_536, area.at()) };
        if area.is_ok() {
            return Some(area.list(4));
        }
        assert_eq!(area.0[4], 1, "the body broke off");
        None
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        unsafe {
            drop_input(self.stream);
            drop_incoming_body(self.body);
            drop_request(self.request);
        }
    }
}

pub struct Answer {
    body: u32,
    stream: u32,
}

impl Answer {
    pub fn begin(out: u32, status: u32, fields: &[(&str, &str)]) -> Answer {
        let mut area = Area::new();
        unsafe {
            let own = new_fields();
            for (name, value) in fields {
                fields_append(own, name.as_ptr(), name.len(), value.as_ptr(), value.len(), area.at());
                assert!(area.is_ok());
            }
            let response = new_response(own);
            assert_eq!(set_status(response, status), 0);
            response_body(response, area.at());
            assert!(area.is_ok());
            let body = area.u32(4);
            body_write(body, area.at());
            assert!(area.is_ok());
            let stream = area.u32(4);
            outparam_set(out, 0, response, 0, 0, 0, 0, 0, 0);
            Answer { body, stream }
        }
    }

    pub fn write(&mut self, bytes: &[u8]) {
        let mut area = Area::new();
        for part in bytes.chunks(WRITE_BYTES) {
            unsafe { write_and_flush(self.stream, part.as_ptr(), part.len(), area.at()) };
            assert!(area.is_ok());
        }
    }

    pub fn finish(self) {
        let mut area = Area::new();
        unsafe {
            drop_output(self.stream);
            body_finish(self.body, 0, 0, area.at());
        }
        assert!(area.is_ok());
    }
}
