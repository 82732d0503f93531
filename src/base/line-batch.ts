/**
 * Lines of one turn of the event loop are written together: one system call for many requests, and after their answers have
 * gone out. A process that ends has written everything, unless it is killed or V8 gives up: then the lines of its last turn are lost.
 */
import type { LogDestination } from './logger.ts'

/** In one write, unless one line is longer: what processes write to the same pipe stays in one piece up to so many bytes (`PIPE_BUF`). */
const MOST_BYTES = 4096

export function inBatches(destination: LogDestination): LogDestination {
  let lines = ''
  let bytes = 0
  const flush = (): void => {
    if (bytes === 0) return
    const all = lines
    lines = ''
    bytes = 0
    destination.write(all)
  }
  process.on('exit', flush)
  return {
    write: (line) => {
      const more = Buffer.byteLength(line)
      if (bytes + more > MOST_BYTES) flush()
      if (bytes === 0) setImmediate(flush)
      lines += line
      bytes += more
    },
  }
}
