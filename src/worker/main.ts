/** The entry point of a worker process. The master starts it, with its sockets and a channel; it obeys nobody else. */
import { systemClock } from '../base/clock.ts'
import { toWire } from '../base/errors.ts'
import { loadLibc } from '../base/libc.ts'
import { LineLimit } from '../base/line-limit.ts'
import { LogSinks } from '../base/log-sinks.ts'
import { unblockGivenStreams } from '../base/log-streams.ts'
import { createLogger, type Logger } from '../base/logger.ts'
import { asRawSocket, asSendHandle, type RawSocket } from '../base/raw-socket.ts'
import { mapSharedMemory } from '../base/shared-memory.ts'
import { checkStarter } from '../base/version.ts'
import { type PackedConfig, unpackConfig } from '../config/packed-config.ts'
import { LEDGER_BYTES, LEDGER_FD, type MasterMessage, type Remaining } from '../ipc/messages.ts'
import { UsageLedger } from '../wasi/usage-ledger.ts'
import { type Start, Worker } from './worker.ts'

let worker: Worker | undefined
let logger: Logger | undefined
/** How long requests may take after somebody else than the master has asked for the end. */
let graceMs = 0
let isOrphan = false

function obey(message: MasterMessage<PackedConfig>, socket: RawSocket | undefined): void {
  switch (message.kind) {
    case 'start':
      // First: another version's settings may be others.
      if (isOfAnotherVersion()) return
      start({ ...message, settings: unpackConfig(message.settings) })
      return
    case 'prepare':
      graceMs = message.settings.processControlTimeoutMs
      worker?.prepare({ ...message, settings: unpackConfig(message.settings) })
      return
    case 'commit':
      worker?.commit()
      return
    case 'abandon':
      worker?.abandon()
      return
    case 'adopt':
      if (socket !== undefined) worker?.adopt(message.id, message.address, socket)
      return
    case 'take-part':
      worker?.takePart()
      return
    case 'stand-by':
      worker?.standBy(message.isWatching)
      return
    case 'relieve':
      worker?.relieve()
      return
    case 'used-elsewhere':
      worker?.countElsewhere(message.usage)
      return
    case 'reopen-logs':
      worker?.reopenLogs()
      return
    case 'readiness':
      if (worker !== undefined) worker.readiness = message.readiness
      return
    case 'give-figures':
      worker?.giveFigures()
      return
    case 'give-status':
      worker?.giveStatus(message.id, message.tenant)
      return
    case 'statuses':
      worker?.takeStatuses(message.id, message)
      return
    case 'drain':
      if (worker === undefined) end(0)
      worker.drain(message.graceMs, message)
      return
  }
}

/** Whether it is; the master is told. */
function isOfAnotherVersion(): boolean {
  try {
    checkStarter()
    return false
  } catch (error) {
    process.send?.({ kind: 'failed', error: toWire(error) })
    return true
  }
}

function start(message: Start): void {
  const { log, logLimitBytes, logMemoryBytes, pools, processControlTimeoutMs } = message.settings
  const pool = pools[0]?.name ?? ''
  process.title = `wasm-fpm: pool ${pool}`
  graceMs = processControlTimeoutMs
  const isReadable = log.format === 'auto' ? undefined : log.format === 'readable'
  if (message.ownsStreams) unblockGivenStreams()
  const lines = new LineLimit(logLimitBytes)
  const sinks = new LogSinks(systemClock, logMemoryBytes)
  sinks.writeAtExit()
  const ofProcess = createLogger(log.level, isReadable, lines.before(sinks.stream(2)))
  logger = ofProcess.child({ pool, pid: process.pid })
  sinks.logger = logger
  worker = new Worker({
    clock: systemClock,
    logger,
    lines,
    ledger: openLedger(),
    sinks,
    send: (answer) => {
      if (process.connected) process.send?.(answer, undefined, undefined, () => undefined)
      else masterIsGone()
    },
    sendAway: (answer, socket) =>
      new Promise((resolve) => {
        const handle = socket === undefined ? undefined : asSendHandle(socket)
        if (!process.connected) resolve()
        else process.send?.(answer, handle, undefined, () => resolve())
      }),
    onEnd: () => void sinks.flush().then(() => end(0)),
  })
  void worker.start(message)
}

/** That of the pool, in inherited memory; without, each worker has its own. */
function openLedger(): UsageLedger {
  return new UsageLedger(mapSharedMemory(LEDGER_FD, LEDGER_BYTES), loadLibc()?.schedYield)
}

/** Nobody would replace this worker, and the next master has its own. */
function masterIsGone(): void {
  if (isOrphan) return
  isOrphan = true
  drain({ hasHeirs: false, taken: [] })
}

/** By default others go on. */
function drain(left?: Remaining): void {
  if (worker === undefined) end(0)
  worker.drain(graceMs, left ?? { hasHeirs: true, taken: worker.addresses })
}

/** Node would wait for V8's helper threads, and one that compiles may wait for a collection that never comes. */
function end(code: number): never {
  process.once('exit', () => loadLibc()?.exitNow(code))
  process.exit(code)
}

process.on('uncaughtException', (error) => {
  const log = logger ?? createLogger()
  log.fatal({ err: error }, 'the worker cannot go on')
  end(1)
})
process.on('message', (message, handle) =>
  obey(message as MasterMessage<PackedConfig>, asRawSocket(handle)),
)
// It does not come where a socket was on its way to the master: then the next beat finds out.
process.once('disconnect', masterIsGone)
process.once('SIGTERM', () => drain())
process.once('SIGQUIT', () => drain())
// A terminal sends these to everybody; the master says what is to be done.
for (const signal of ['SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) {
  process.on(signal, () => undefined)
}
