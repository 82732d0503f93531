//! Shows what files a guest has: reads the file named by PATH_INFO (or lists that directory; default `/`),
//! then writes and reads back a file in /tmp.

use std::fs;
use std::io;
use std::path::Path;

fn main() {
    let path = std::env::var("PATH_INFO").unwrap_or_default();
    let path = if path.is_empty() { "/" } else { &path };
    print!("Content-Type: text/plain; charset=utf-8\r\n\r\n");
    match show(Path::new(path)) {
        Ok(text) => print!("{}", text),
        Err(error) => println!("cannot read {}: {}", path, error),
    }
    match keep("kept in /tmp\n") {
        Ok(text) => print!("{}", text),
        Err(error) => println!("cannot keep a note: {}", error),
    }
}

fn show(path: &Path) -> io::Result<String> {
    if !fs::metadata(path)?.is_dir() {
        return fs::read_to_string(path);
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names.iter().map(|name| format!("{}\n", name)).collect())
}

fn keep(text: &str) -> io::Result<String> {
    fs::write("/tmp/note.txt", text)?;
    fs::read_to_string("/tmp/note.txt")
}
