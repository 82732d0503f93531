/** Reads the body as it comes and answers with its byte count and FNV-1a (32 bit) checksum. Holds one chunk. */
import { CHUNK_BYTES, read, write } from './lib/cgi'

const chunk: usize = memory.data(65536, 8)

let received: u64 = 0
let checksum: u32 = 2166136261

let got = read(chunk, CHUNK_BYTES as usize)
while (got > 0) {
  received += got as u64
  for (let i = 0; i < got; i++) checksum = (checksum ^ load<u8>(chunk + (i as usize))) * 16777619
  got = read(chunk, CHUNK_BYTES as usize)
}

write('Content-Type: text/plain; charset=utf-8\r\n\r\n')
write(`bytes=${received.toString()} fnv1a=${checksum.toString(16).padStart(8, '0')}\n`)
