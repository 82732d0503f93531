/** What `wasm-fpm dev` says: lines for people, or JSON, one object a line. */
import { type CodedError, toWire } from '../../base/errors.ts'
import { printMs } from '../../base/quantity.ts'
import type { LogEntry } from '../../logs/log-entry.ts'
import { printEntry } from '../logs/print-entry.ts'

export interface Ready {
  readonly ms: number
  /** As bound. */
  readonly address: string
  readonly routes: readonly string[]
}

export interface DevOutput {
  readonly building: (command: string) => void
  readonly ready: (ready: Ready) => void
  /** `isServing`: whether the last good one is still served. */
  readonly failed: (error: CodedError, isServing: boolean) => void
  /** A file that every build writes anew. */
  readonly unwatched: (path: string) => void
  /** A line of a worker's log. */
  readonly logged: (entry: LogEntry) => void
}

type Write = (text: string) => void

export function textOutput(write: Write): DevOutput {
  const say = (text: string): void => write(`dev: ${text}\n`)
  return {
    building: (command) => say(`building: ${command}`),
    ready: ({ ms, address, routes }) =>
      say(`ready in ${printMs(ms)}: http://${address} answers ${routes.join(', ')}`),
    failed: ({ message, code }, isServing) => {
      const still = isServing ? 'the last good one is still served' : 'nothing is served yet'
      say(`${message} [${code}]\n${still}; waiting for a change`)
    },
    unwatched: (path) => say(`${path} changes with every build: it is not watched any more`),
    logged: (entry) => write(printEntry(entry)),
  }
}

export function jsonOutput(write: Write): DevOutput {
  const print = (value: object): void => write(`${JSON.stringify(value)}\n`)
  return {
    building: (command) => print({ event: 'building', command }),
    ready: (ready) => print({ event: 'ready', ...ready }),
    failed: (error, isServing) => print({ event: 'failed', error: toWire(error), isServing }),
    unwatched: (path) => print({ event: 'unwatched', path }),
    logged: ({ text, fields }) =>
      print({ event: 'log', ...(fields === undefined ? { text } : { entry: fields }) }),
  }
}
