//! Answers slowly: ?n= lines (default 5) with ?ms= between (default 200), each sent as it is written.

use std::io::{self, Write};
use std::thread::sleep;
use std::time::Duration;

fn main() -> io::Result<()> {
    let lines = query("n").unwrap_or(5);
    let gap = Duration::from_millis(query("ms").unwrap_or(200));
    let mut out = io::stdout().lock();
    out.write_all(b"Content-Type: text/plain; charset=utf-8\r\n\r\n")?;
    for line in 1..=lines {
        if line > 1 {
            sleep(gap);
        }
        write!(out, "line {} of {}\n", line, lines)?;
        out.flush()?;
    }
    Ok(())
}

/// The number `name` in QUERY_STRING.
fn query(name: &str) -> Option<u64> {
    let text = std::env::var("QUERY_STRING").ok()?;
    let mut pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name)?.1.parse().ok()
}
