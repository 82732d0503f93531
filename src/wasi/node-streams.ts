/** Byte streams over Node's: what `wasm-fpm run` connects a guest with. */
import type { Readable, Writable } from 'node:stream'
import { type ByteSink, type ByteSource, NOTHING_YET } from '../base/byte-stream.ts'

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

export interface WritableSink extends ByteSink {
  /** Settles when everything taken has been handed to the operating system, or cannot be any more. */
  drained(): Promise<void>
}

/** Writes into a stream nobody else writes to, and leaves it open. An error makes it swallow everything. */
export function sinkToWritable(writable: Writable): WritableSink {
  /** Nothing more goes out: ended by the guest's side, or broken on the other. */
  let isOver = false
  let isBroken = false
  let wake: (() => void) | undefined
  let idle: (() => void)[] = []
  let pending = 0
  const wakeUp = (): void => {
    const waiting = wake
    wake = undefined
    waiting?.()
  }
  const settle = (): void => {
    if (pending > 0 && !isBroken) return
    for (const callback of idle) callback()
    idle = []
  }
  const fail = (): void => {
    isOver = true
    isBroken = true
    wakeUp()
    settle()
  }
  writable.on('drain', wakeUp).on('error', fail).on('close', fail)
  return {
    write(bytes) {
      if (isOver) return bytes.length
      if (writable.writableNeedDrain) return 0
      pending++
      writable.write(bytes.slice(), () => {
        pending--
        settle()
      })
      return bytes.length
    },
    onWritable(callback) {
      wake = callback
      if (isOver || !writable.writableNeedDrain) wakeUp()
    },
    end() {
      isOver = true
      wakeUp()
    },
    drained: () =>
      new Promise((resolve) => {
        idle.push(resolve)
        settle()
      }),
  }
}
