/** Runs a program on either engine with the same arguments, environment, standard input and (empty) file system. */

import type { ByteSource } from '../../../src/base/byte-stream.ts'
import { systemClock } from '../../../src/base/clock.ts'
import type { Engine } from '../../../src/guest/engine.ts'
import { runToEnd } from '../../../src/guest/engine.ts'
import type { GuestModule } from '../../../src/guest/guest-module.ts'
import { makeInstance } from '../../../src/guest/make-instance.ts'
import { createMemoryDirectory } from '../../../src/wasi/memory-directory.ts'
import { CollectingSink, grants, job } from '../../support/guest.ts'

export interface Input {
  readonly args?: readonly string[]
  readonly env?: readonly string[]
  readonly stdin?: string
}

export interface Ending {
  /** `exit N`, `trap KIND` or `killed REASON`. */
  readonly end: string
  /** One char a byte, as is `stderr`. */
  readonly stdout: string
  readonly stderr: string
}

export async function runOn(
  engine: Engine,
  module: GuestModule,
  { args = ['program'], env = [], stdin = '' }: Input,
): Promise<Ending> {
  const [stdout, stderr] = [new CollectingSink(), new CollectingSink()]
  const root = createMemoryDirectory(systemClock)
  root.createDirectory('tmp')
  const { outcome } = await runToEnd(
    makeInstance({ engine, module, clock: systemClock }),
    job({
      grants: grants({
        args: args.map(asBytes),
        env: env.map(asBytes),
        stdin: sourceOf(Buffer.from(stdin)),
        stdout,
        stderr,
        preopens: [{ guestPath: '/', directory: root }],
      }),
    }),
  )
  const end =
    outcome.kind === 'exited'
      ? `exit ${outcome.code}`
      : outcome.kind === 'trapped'
        ? `trap ${outcome.trap}`
        : `killed ${outcome.reason}`
  return { end, stdout: stdout.text, stderr: stderr.text }
}

/** A source that gives at most a few thousand bytes at a time. */
export function sourceOf(bytes: Uint8Array): ByteSource {
  let rest = bytes
  return {
    read: (maxBytes) => {
      if (rest.length === 0) return undefined
      const chunk = rest.subarray(0, Math.min(maxBytes, 4000))
      rest = rest.subarray(chunk.length)
      return chunk
    },
    onReadable: (wake) => wake(),
  }
}

function asBytes(text: string): string {
  return Buffer.from(text).toString('latin1')
}
