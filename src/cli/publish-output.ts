/** What `wasm-fpm publish` says while it works: lines and a bar for people, or JSON. */

import { harmless } from '../base/harmless.ts'
import { printMs } from '../base/quantity.ts'
import type { TransferProgress } from '../oci/transfer.ts'
import type { PublishProgress, PublishStep } from '../store/publication.ts'
import type { Stored, Switched } from '../store/release-store.ts'
import type { OnBytes } from '../store/stage-source.ts'
import { type Progress, startProgress, startWaiting } from './progress.ts'
import type { PulledStep } from './pull-source.ts'

/** What came of it, here or on a server. */
export interface Published {
  readonly tenant: string
  readonly handler: string
  readonly stored: Stored
  /** Undefined: it was not to be. */
  readonly switched: Switched | undefined
}

export interface PublishOutput {
  /** Takes a bar away: before anything is said about a failure. */
  readonly stop: () => void
  readonly step: (progress: PublishProgress | PulledStep) => void
  /** Of what is brought from a registry. */
  readonly pulling: (progress: TransferProgress) => void
  /** What is told how much of something is done. Undefined: nobody wants to know. */
  readonly shareOf: (what: 'read' | 'upload' | 'harden') => OnBytes | undefined
  readonly end: (published: Published) => void
}

/** One JSON text a line. */
export function jsonOutput(): PublishOutput {
  const print = (value: object): void => {
    process.stdout.write(`${JSON.stringify(value)}\n`)
  }
  return {
    stop: () => undefined,
    step: ({ step, note, found, ms }) => print({ event: 'step', step, note, found, ms }),
    pulling: () => undefined,
    shareOf: () => undefined,
    end: ({ tenant, handler, stored, switched }) =>
      print(
        switched === undefined
          ? { event: 'stored', tenant, handler, ...stored }
          : { event: 'published', ...switched, live: switched.release, ...stored },
      ),
  }
}

/** What goes on next and cannot say how far it is; hardening can, once it has begun. */
const NEXT: Readonly<Partial<Record<PublishStep | PulledStep['step'], string>>> = {
  read: 'verify',
  verify: 'harden',
  validate: 'harden',
  harden: 'compile',
  compile: 'probe',
  probe: 'store',
  import: 'store',
}

export function textOutput(): PublishOutput {
  let progress: Pick<Progress, 'end'> | undefined
  let bar: { readonly name: string; readonly update: Progress['update'] } | undefined
  let routes: readonly string[] = []
  const stop = (): void => {
    progress?.end()
    progress = undefined
    bar = undefined
  }
  const draw = (name: string, done: number, total: number | undefined): void => {
    if (bar?.name !== name) {
      stop()
      const started = startProgress(name, total)
      progress = started
      bar = { name, update: started.update }
    }
    bar.update(done)
  }
  const isTerminal = process.stderr.isTTY === true
  return {
    stop,
    step: ({ step, note, found, ms }) => {
      stop()
      process.stdout.write(`${step.padEnd(8)} ${harmless(note)} (${printMs(ms)})\n`)
      const shown: unknown = Reflect.get(found, 'routes')
      if (Array.isArray(shown)) routes = shown.map(String)
      const next = Reflect.get(found, 'isApp') === true ? 'import' : NEXT[step]
      if (next !== undefined) progress = startWaiting(next)
    },
    pulling: ({ doneBytes, totalBytes }) => draw('pull', doneBytes, totalBytes),
    shareOf: (what) => (isTerminal ? (done, total) => draw(what, done, total) : undefined),
    end: ({ tenant, handler, stored, switched }) => {
      stop()
      if (switched === undefined) {
        process.stdout.write(`${tenant}/${handler}: stored and not live is ${stored.release}\n`)
        return
      }
      const { canary } = switched
      const share = canary === undefined ? '' : `${canary.weight} % of `
      const where = harmless(routes.join(', '))
      process.stdout.write(`${tenant}/${handler} answers ${share}${where} with ${stored.release}\n`)
    },
  }
}
