//! The smallest CGI program: a fixed answer.

fn main() {
    print!("Content-Type: text/plain; charset=utf-8\r\n\r\nHello from Rust\n");
}
