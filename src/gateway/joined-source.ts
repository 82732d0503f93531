/**
 * The standard input of a Filter (FastCGI 1.0, section 6.4): all of FCGI_STDIN, then all of FCGI_DATA. CONTENT_LENGTH and
 * FCGI_DATA_LENGTH tell a CGI program where the one ends and the other begins.
 */
import type { ByteSource } from '../base/byte-stream.ts'

/** One source after the other. */
export function joinSources(first: ByteSource, second: ByteSource): ByteSource {
  let isSecond = false
  return {
    read(maxBytes) {
      if (isSecond) return second.read(maxBytes)
      const bytes = first.read(maxBytes)
      if (bytes !== undefined) return bytes
      isSecond = true
      return second.read(maxBytes)
    },
    onReadable(wake) {
      if (isSecond) second.onReadable(wake)
      else first.onReadable(wake)
    },
  }
}
