//! Answers one request: CGI (RFC 3875) in, CGI out.

use std::env;
use std::io::{self, Read};

/// A variable of the request, or "" when it has none of that name.
fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

fn main() -> io::Result<()> {
    let mut body = Vec::new();
    io::stdin().read_to_end(&mut body)?;
    print!("Content-Type: text/plain; charset=utf-8\r\n\r\n");
    println!("Hello from {{name}}!");
    println!("{} {}{}", variable("REQUEST_METHOD"), variable("SCRIPT_NAME"), variable("PATH_INFO"));
    println!("query: {}", variable("QUERY_STRING"));
    println!("body: {} bytes", body.len());
    Ok(())
}
