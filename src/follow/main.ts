/**
 * The entry point of the process that keeps the local store in step with a source. The master starts it, and starts another when it ends;
 * what is served does not depend on it.
 */
import { join } from 'node:path'
import { countBuffersWithHeap } from '../base/buffer-memory.ts'
import { systemClock } from '../base/clock.ts'
import { toWire } from '../base/errors.ts'
import { LineLimit } from '../base/line-limit.ts'
import { LogSinks } from '../base/log-sinks.ts'
import { unblockGivenStreams } from '../base/log-streams.ts'
import { createLogger } from '../base/logger.ts'
import { checkStarter } from '../base/version.ts'
import type { FollowerMessage, MasterToFollower } from '../ipc/follow-messages.ts'
import { tenantsOf } from '../store/layout.ts'
import { Replica } from '../store/replica.ts'
import { nodeFiles } from '../store/store-files.ts'
import { CA_VARIABLE, checkAuthorities } from './check-authorities.ts'
import { Follower } from './follower.ts'
import { openSource } from './open-source.ts'

let follower: Follower | undefined
let sinks: LogSinks | undefined
let isDraining = false

async function start({
  settings,
  ownsStreams,
}: Extract<MasterToFollower, { readonly kind: 'start' }>): Promise<void> {
  process.title = 'wasm-fpm: follow'
  try {
    checkStarter()
    countBuffersWithHeap()
    const {
      source,
      secrets,
      allowsOldServer,
      store,
      intervalMs,
      log,
      logLimitBytes,
      logMemoryBytes,
    } = settings
    const { [CA_VARIABLE]: ca } = process.env
    if (ca !== undefined) checkAuthorities(ca)
    if (ownsStreams) unblockGivenStreams()
    const clock = systemClock
    sinks = new LogSinks(clock, logMemoryBytes)
    sinks.writeAtExit()
    const lines = new LineLimit(logLimitBytes)
    const ofProcess = createLogger(
      log.level,
      log.isReadable ?? undefined,
      lines.before(sinks.stream(2)),
    )
    const logger = ofProcess.child({ follow: true, pid: process.pid })
    sinks.logger = logger
    follower = new Follower({
      ...{ clock, logger, intervalMs },
      source: openSource(source, clock, { secrets, allowsOldServer }),
      replica: await Replica.make(store, { clock }),
      onFacts: (facts, step) => send({ kind: 'facts', facts, step }),
    })
    send({ kind: 'ready', isEmpty: !(await hasPointers(store)) })
    follower.start()
  } catch (error) {
    send({ kind: 'failed', error: toWire(error) })
  }
}

async function hasPointers(store: string): Promise<boolean> {
  return tenantsOf((await nodeFiles.list(join(store, 'live'))).map(({ name }) => name)).length > 0
}

function send(message: FollowerMessage): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined)
}

/** What is being brought is given up: nothing of it is named yet. */
function drain(): void {
  if (isDraining) return
  isDraining = true
  void Promise.resolve(sinks?.flush()).then(() => process.exit(0))
}

process.on('message', (message: MasterToFollower) => {
  if (message.kind === 'start') void start(message)
  else drain()
})
// The master is gone: the next one has its own.
process.once('disconnect', drain)
for (const signal of ['SIGTERM', 'SIGQUIT'] as const) process.once(signal, drain)
// A terminal sends these to everybody; the master says what is to be done.
for (const signal of ['SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) {
  process.on(signal, () => undefined)
}
