/** Joins the parts of the master process: configuration, logs, files, commands, signals. */
import { systemClock } from '../base/clock.ts'
import { LineLimit } from '../base/line-limit.ts'
import { printListenAddress } from '../base/listen-address.ts'
import { LogSinks } from '../base/log-sinks.ts'
import { unblockStandardStreams } from '../base/log-streams.ts'
import { createLogger, type Logger } from '../base/logger.ts'
import type { Config } from '../config/config.ts'
import { withEnvFiles } from '../config/env-files.ts'
import { loadConfig } from '../config/load.ts'
import type { ControlRequest, ControlResult } from './control-socket.ts'
import { ErrorLog } from './error-log.ts'
import { Master } from './master.ts'
import { MasterPlace } from './master-place.ts'
import { meetPredecessor, type Predecessor } from './predecessor.ts'
import { createNotifier } from './sd-notify.ts'
import type { FrontPlace } from './sockets.ts'
import { upgradeFailed } from './successor.ts'
import { DEFAULT_WORKER_LIMITS } from './worker-process.ts'

/** How long the answer to `wasm-fpm stop` may take to get out. */
const LAST_ANSWER_MS = 1000

export interface RunOptions {
  readonly configFile: string
  readonly http: FrontPlace | undefined
  /** Called when everything is ready. `http`: where HTTP is served, as bound. */
  readonly onReady: (http: string | undefined) => void
}

/** Serves until a signal or a command ends it. Throws what stands in the way of the start. */
export async function runMaster(options: RunOptions): Promise<void> {
  const predecessor = await meetPredecessor()
  try {
    await run(options, predecessor)
  } catch (error) {
    await predecessor?.failed(error)
    throw error
  }
}

async function run(
  { configFile, http, onReady }: RunOptions,
  predecessor: Predecessor | undefined,
): Promise<void> {
  const config = withEnvFiles(loadConfig(configFile))
  process.title = `wasm-fpm: master (${configFile})`
  const clock = systemClock
  unblockStandardStreams()
  const sinks = new LogSinks(clock, config.logMemoryBytes)
  sinks.writeAtExit()
  const { errorLog, logger } = openLogs(config, sinks)
  const notifier = createNotifier(process.env, { clock, logger })
  const limits = DEFAULT_WORKER_LIMITS
  const droppedLines = (): number => sinks.memory.droppedLines
  const logs = { logger, errorLog, droppedLines }
  const place = new MasterPlace({
    ...{ configFile, pidFile: config.pid, logger },
    obey: (request) => obey(running, request),
  })
  const onTakeOver = (): Promise<void> => place.open(predecessor?.heirloom.control)
  const master = new Master(config, {
    ...{ configFile, clock, limits, ...logs, notifier, http, predecessor, onTakeOver },
  })
  const running = { master, place, start: startOf(configFile, http) }
  // From here on: a signal that came before the workers are ready would else leave them behind.
  obeySignals(running, logger)
  if (predecessor === undefined) await place.open()
  try {
    try {
      await master.start()
      logger.info({ tenants: config.tenants.length, control: place.control?.path }, 'ready')
      onReady(master.httpAddress)
    } catch (error) {
      if (!master.isStopping) throw error
    }
    await master.stopped
    logger.info('stopped')
  } finally {
    const late = new Promise<void>((resolve) => {
      clock.after(LAST_ANSWER_MS, resolve)
    })
    await Promise.race([place.close(), late])
    await sinks.flush()
  }
}

interface Logs {
  readonly errorLog: ErrorLog | undefined
  readonly logger: Logger
}

/** Their lines are as long, and take as much memory, as the configuration at the start lets them. */
function openLogs({ errorLog: path, log, logLimitBytes }: Config, sinks: LogSinks): Logs {
  const lines = new LineLimit(logLimitBytes)
  const errorLog = path === undefined ? undefined : new ErrorLog(path, sinks)
  const isReadable = log.format === 'auto' ? undefined : log.format === 'readable'
  const logger =
    path === undefined
      ? createLogger(log.level, isReadable, lines.before(sinks.stream(2)))
      : createLogger(log.level, log.format === 'readable', lines.before(sinks.to(path)))
  sinks.logger = logger
  return { errorLog, logger }
}

interface Running {
  readonly master: Master
  readonly place: MasterPlace
  /** Arguments behind the program by which another one comes to serve the same. */
  readonly start: readonly string[]
}

function startOf(configFile: string, http: RunOptions['http']): readonly string[] {
  const front = http === undefined ? [] : ['--http', printListenAddress({ kind: 'tcp', ...http })]
  return ['serve', '--config', configFile, ...front]
}

async function obey(
  running: Running,
  { command, tenant, limitMs, program }: ControlRequest,
): Promise<ControlResult> {
  const { master } = running
  switch (command) {
    case 'reload':
      return { message: await master.reload() }
    case 'restart':
      return { message: await master.restart() }
    case 'upgrade':
      return { message: await upgrade(running, program ?? thisProgram()) }
    case 'drain':
      return { message: master.drain(limitMs) }
    case 'undrain':
      return { message: master.undrain() }
    case 'status':
      return { message: 'status', status: await master.status(tenant) }
    case 'stop':
      master.stop(master.config.processControlTimeoutMs)
      await master.stopped
      return { message: 'stopped' }
  }
}

/** As it was started, whatever lies there by now. */
function thisProgram(): readonly string[] {
  return [process.execPath, ...process.execArgv, process.argv[1] ?? '']
}

async function upgrade(
  { master, place, start }: Running,
  program: readonly string[],
): Promise<string> {
  if (process.pid === 1) {
    throw upgradeFailed('this process is the first of its container, which ends with it')
  }
  try {
    const message = await master.upgrade([...program, ...start], place.control)
    place.leave()
    return message
  } catch (error) {
    place.writePid()
    throw error
  }
}

function obeySignals(running: Running, logger: Logger): void {
  const { master } = running
  const stop = (signal: NodeJS.Signals): void => {
    // 0 would be "at once", which is another signal's meaning.
    const graceMs = signal === 'SIGINT' ? 0 : Math.max(1, master.config.processControlTimeoutMs)
    logger.info({ signal, graceMs }, 'stopping')
    master.stop(graceMs)
  }
  // A failed reload has been logged.
  const reload = (): void => void master.reload().catch(() => undefined)
  process.on('SIGTERM', stop)
  process.on('SIGQUIT', stop)
  process.on('SIGINT', stop)
  process.on('SIGHUP', reload)
  // One that failed has been logged.
  process.on('SIGUSR2', () => void upgrade(running, thisProgram()).catch(() => undefined))
  process.on('SIGUSR1', () => {
    try {
      master.reopenLogs()
    } catch (error) {
      logger.error(`logs are not reopened: ${String(error)}`)
    }
  })
}
