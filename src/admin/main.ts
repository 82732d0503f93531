/**
 * The entry point of the process that serves the admin API. The master starts it with its sockets and a channel, and starts
 * another when it ends; strangers talk to this process and never to the master.
 */
import { systemClock } from '../base/clock.ts'
import { toWire } from '../base/errors.ts'
import { LineLimit } from '../base/line-limit.ts'
import { LogSinks } from '../base/log-sinks.ts'
import { unblockGivenStreams } from '../base/log-streams.ts'
import { createLogger } from '../base/logger.ts'
import { checkStarter } from '../base/version.ts'
import type { Config } from '../config/config.ts'
import type { AdminMessage, MasterToAdmin } from '../ipc/admin-messages.ts'
import { AdminApi } from './admin-api.ts'

let api: AdminApi | undefined
let sinks: LogSinks | undefined
let isDraining = false

function obey(message: MasterToAdmin<Config>): void {
  switch (message.kind) {
    case 'start':
      void start(message)
      return
    case 'settings':
      api?.update(message)
      return
    case 'told':
      api?.master.take(message)
      return
    case 'drain':
      drain(message.graceMs)
      return
  }
}

async function start(
  message: Extract<MasterToAdmin<Config>, { readonly kind: 'start' }>,
): Promise<void> {
  process.title = 'wasm-fpm: admin'
  try {
    checkStarter()
    const { log, logLimitBytes, logMemoryBytes } = message.settings
    const isReadable = log.format === 'auto' ? undefined : log.format === 'readable'
    if (message.ownsStreams) unblockGivenStreams()
    const lines = new LineLimit(logLimitBytes)
    sinks = new LogSinks(systemClock, logMemoryBytes)
    sinks.writeAtExit()
    const ofProcess = createLogger(log.level, isReadable, lines.before(sinks.stream(2)))
    const logger = ofProcess.child({ admin: true, pid: process.pid })
    sinks.logger = logger
    api = new AdminApi(message, { clock: systemClock, logger, sinks, send })
    await api.start(message.sockets)
    send({ kind: 'ready' })
    beat()
  } catch (error) {
    send({ kind: 'failed', error: toWire(error) })
  }
}

/** The master replaces a process whose event loop stands still. */
const BEAT_MS = 1000

function beat(): void {
  if (!process.connected) return
  send({ kind: 'beat', droppedLines: sinks?.memory.droppedLines ?? 0 })
  systemClock.after(BEAT_MS, beat)
}

function send(message: AdminMessage): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined)
}

function drain(graceMs: number): void {
  if (isDraining) return
  isDraining = true
  const closed = api?.close(graceMs) ?? Promise.resolve()
  void closed.then(() => sinks?.flush()).then(() => process.exit(0))
}

/** How long requests may take after somebody else than the master has asked for the end, in milliseconds. */
const GRACE_MS = 10_000

process.on('message', (message) => obey(message as MasterToAdmin<Config>))
// The master is gone: the next one has its own.
process.once('disconnect', () => drain(GRACE_MS))
for (const signal of ['SIGTERM', 'SIGQUIT'] as const) process.once(signal, () => drain(GRACE_MS))
// A terminal sends these to everybody; the master says what is to be done.
for (const signal of ['SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) {
  process.on(signal, () => undefined)
}
