/** Byte streams over this process's own: what `wasm-fpm run` connects a guest with. */
import { writeSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { type ByteSink, type ByteSource, NOTHING_YET } from '../base/byte-stream.ts'
import { Errno, errnoOf } from './errno.ts'

/** Reads a stream nobody else reads. An error ends it. */
export function sourceFromReadable(readable: Readable): ByteSource {
  let kept: Uint8Array = NOTHING_YET
  let hasEnded = false
  let wake: (() => void) | undefined
  const wakeUp = (): void => {
    const waiting = wake
    wake = undefined
    waiting?.()
  }
  const end = (): void => {
    hasEnded = true
    wakeUp()
  }
  readable.on('end', end).on('error', end).on('close', end)
  readable.on('readable', wakeUp)
  return {
    read(maxBytes) {
      if (kept.length === 0) {
        const chunk: unknown = readable.read()
        if (chunk instanceof Uint8Array) kept = chunk
        else return hasEnded ? undefined : NOTHING_YET
      }
      const taken = kept.subarray(0, maxBytes)
      kept = kept.subarray(taken.length)
      return taken
    },
    onReadable(callback) {
      wake = callback
      if (kept.length > 0 || readable.readableLength > 0 || hasEnded) wakeUp()
    },
  }
}

/** How soon a full pipe that does not block is tried again. */
const RETRY_MS = 5

/**
 * Writes to a descriptor of this process, and leaves it open. The guest is told at once what has become of its bytes: a full disk
 * or a reader that has gone is its own affair, as it is for any program.
 */
export function sinkToDescriptor(fd: number): ByteSink {
  let isOver = false
  let isFull = false
  return {
    write(bytes) {
      if (isOver || bytes.length === 0) return bytes.length
      isFull = false
      try {
        return writeSync(fd, bytes)
      } catch (error) {
        const errno = errnoOf(error)
        isFull = errno === Errno.AGAIN
        return isFull ? 0 : -errno
      }
    },
    onWritable(wake) {
      if (isFull) setTimeout(wake, RETRY_MS)
      else wake()
    },
    end() {
      isOver = true
    },
  }
}
