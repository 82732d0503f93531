//! Reads the body as it comes and answers with its byte count and FNV-1a (32 bit) checksum. Holds one chunk.

use std::io::{self, Read};

/// The bytes moved at a time.
const CHUNK_BYTES: usize = 65_536;

fn main() -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut received: u64 = 0;
    let mut checksum: u32 = 2_166_136_261;
    let mut input = io::stdin().lock();
    loop {
        let got = input.read(&mut chunk)?;
        if got == 0 {
            break;
        }
        received += got as u64;
        for &byte in &chunk[..got] {
            checksum = (checksum ^ u32::from(byte)).wrapping_mul(16_777_619);
        }
    }
    print!("Content-Type: text/plain; charset=utf-8\r\n\r\n");
    println!("bytes={} fnv1a={:08x}", received, checksum);
    Ok(())
}
