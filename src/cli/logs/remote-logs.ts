/** `wasm-fpm logs --server`: what another machine's server has written down, over its admin API. */
import { errorOf } from '../../admin/ask-server.ts'
import { AdminError } from '../../admin/errors.ts'
import { systemClock } from '../../base/clock.ts'
import { harmless, harmlessJson } from '../../base/harmless.ts'
import { readEntry } from '../../logs/log-entry.ts'
import { lastLogsRemote, logEventsRemote, type Remote, type RemoteEntry } from '../remote.ts'
import { printEntry } from './print-entry.ts'

export interface RemoteLogsOptions {
  /** Undefined: all, for operators. */
  readonly tenant: string | undefined
  readonly lines: number
  readonly follow: boolean
  readonly json: boolean
}

/** A server that ends may have a successor already. */
const AGAIN_MS = 1000

/** Rejects with the server's error, and when it goes away without a word. */
export async function showRemoteLogs(remote: Remote, options: RemoteLogsOptions): Promise<void> {
  const { tenant, lines, follow, json } = options
  if (follow) {
    for (let first = lines; ; first = 0) {
      await showEvents(remote, { ...options, lines: first })
      await new Promise<void>((resolve) => systemClock.after(AGAIN_MS, resolve))
    }
  }
  const { notes, entries } = await lastLogsRemote(remote, { tenant, lines })
  for (const note of notes) say(note)
  process.stdout.write(entries.map((entry) => print(entry, json)).join(''))
}

/** Until the server says that this is the end of it. */
async function showEvents(remote: Remote, options: RemoteLogsOptions): Promise<void> {
  for await (const { name, value } of logEventsRemote(remote, options)) {
    const failure = errorOf(value)
    if (failure !== undefined) throw failure
    if (name === 'entry') process.stdout.write(print(value as RemoteEntry, options.json))
    if (name === 'note') say(String(Reflect.get(Object(value), 'note')))
    if (name === 'skipped') {
      say(`${Reflect.get(Object(value), 'bytes')} bytes of a log came too fast and are left out`)
    }
    if (name === 'end') {
      say(`${Reflect.get(Object(value), 'reason')}: asking again`)
      return
    }
  }
  throw new AdminError(
    'ADMIN_UNREACHABLE',
    'Cannot go on with the logs: the server went away, wanted its word',
  )
}

function say(note: string): void {
  process.stderr.write(`note: ${harmless(note)}\n`)
}

function print(entry: RemoteEntry, json: boolean): string {
  if (json) return `${harmlessJson(JSON.stringify(entry))}\n`
  return printEntry(readEntry('text' in entry ? entry.text : JSON.stringify(entry.entry)))
}
