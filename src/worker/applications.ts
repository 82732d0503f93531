/** What of a tenant's scripts is loaded ahead, and which requests are run ahead, for one of its runtimes. */
import { randomFillSync } from 'node:crypto'
import { closeSync, realpathSync, statSync } from 'node:fs'
import { constants } from 'node:os'
import { posix } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { CodedError, toWire } from '../base/errors.ts'
import { loadFileCalls } from '../base/file-calls.ts'
import type { Logger } from '../base/logger.ts'
import { AT_FDCWD, type FileStatus } from '../base/look-calls.ts'
import { FOLDER_FLAGS, O_PATH } from '../base/open-folder.ts'
import type { TenantConfig } from '../config/config.ts'
import { AppModule } from '../gateway/app-module.ts'
import { Application } from '../gateway/application.ts'
import type { HandlerSettings } from '../gateway/handler-settings.ts'
import type { ScriptRuntime } from '../gateway/script-runtime.ts'
import { type AskedRequest, type FindScript, warmRequests } from '../gateway/warm-requests.ts'
import { type BootTurns, variablesOfImport, warmModule } from '../guest/boot.ts'
import type { GuestModule } from '../guest/guest-module.ts'
import { DEFAULT_WASI_LIMITS } from '../wasi/session.ts'
import { entriesOf } from './boot-handler.ts'
import type { InCommon } from './in-common.ts'
import { moved, RealRoot } from './real-root.ts'
import type { Runtime } from './runtimes.ts'

export interface ApplicationParts {
  readonly clock: Clock
  readonly logger: Logger
  /** What is done for a tenant besides its requests is a piece of work each time; undefined: nobody's. */
  readonly workFor: (tenant: TenantConfig) => BootTurns | undefined
  /** What is loaded ahead for several tenants at once, and its scripts as long as one of them has requests. */
  readonly commonScripts: InCommon<CommonApplication>
}

export interface CommonApplication {
  readonly application: Application
  /** Whose request was the last: loading is its tenant's to pay. */
  payer: TenantConfig
  /** Whether more than one has had requests. */
  isShared: boolean
}

/** Scripts that are loaded together. */
export interface Scripts {
  readonly runtime: Runtime
  readonly tenant: TenantConfig
  /** Of most of them. */
  readonly settings: HandlerSettings
  /** Default: of all. */
  readonly settingsOf?: ScriptRuntime['settingsOf']
  /** Where they are, besides mounts. */
  readonly folder: Place | undefined
  /** What of all that is not the tenant's alone. */
  readonly common: Common
  /** Which of them answers all requests, as the runtime knows it; undefined: each that it names. */
  readonly app: string | undefined
  /** Paths of URLs that are asked ahead. */
  readonly warm: readonly string[]
  readonly find: FindScript
  /** File that answers these where none does, as in front controllers; undefined: none. */
  readonly index: string | undefined
}

interface Common {
  /** Tenants that have the same text here have the same there. */
  readonly places: string
  /** Throws `WasiError`. */
  readonly openTree: () => HandlerSettings['makePreopens']
}

/** A folder as guests see it, and where it is on this machine; undefined: it never changes, and neither does what is in it. */
interface Place {
  readonly guest: string
  readonly host: string | undefined
  /** Whether requests may write there. Default: no. */
  readonly isWritable?: boolean
}

/** Of a place, what concerns one path in it. */
interface Found extends Omit<Place, 'guest'> {
  /** The place's. */
  readonly folder: string | undefined
}

const { errno } = constants
const NEVER_CHANGES = 'as ever'
/** When more is loaded for several tenants, instances of all of them are made anew. */
const COMMON_PAUSE_MS = 60_000

export function runScripts(scripts: Scripts, parts: ApplicationParts): ScriptRuntime {
  const { app, runtime, tenant } = scripts
  const { name } = runtime.config
  const logger = parts.logger.child({ tenant: tenant.name, runtime: name })
  return app === undefined
    ? runFiles(scripts, { ...parts, logger })
    : runApp({ ...scripts, app }, { ...parts, logger })
}

/** `parts`: with the runtime's logger. */
function runApp(
  scripts: Scripts & { readonly app: string },
  parts: ApplicationParts,
): ScriptRuntime {
  const { app, runtime, tenant, settings, settingsOf = () => settings } = scripts
  const { name, extensions, index } = runtime.config
  const { clock, logger } = parts
  const placeOf = placeFinder(scripts, clock)
  const told = new Set<string>()
  const module = new AppModule({
    ...{ clock, logger, revalidateMs: tenant.revalidateMs },
    engine: () => runtime.module,
    load: (engine, onFile) => {
      const onOpened = (path: string): void => onFile(`/${path}`)
      return load(engine, [], { ...scripts, ...parts, told, onOpened })
    },
    identify: (path) => {
      const place = placeOf(path)
      // What can be written while requests run is not what the application is made of.
      return place?.isWritable === true ? undefined : identityAt(place)
    },
  })
  return {
    ...{ name, extensions, index, app, settingsOf },
    module: () => module.module,
    ready: () => module.ready(),
    opened: () => undefined,
    ended: () => undefined,
    close: () => module.close(),
  }
}

/** `parts`: with the runtime's logger. */
function runFiles(scripts: Scripts, parts: ApplicationParts): ScriptRuntime {
  const { runtime, tenant, settings, settingsOf = () => settings, warm } = scripts
  const { name, extensions, index } = runtime.config
  const { clock, logger } = parts
  const placeOf = placeFinder(scripts, clock)
  const told = new Set<string>()
  // Requests that are run ahead may do what they want to: nobody else is to begin with that, nor with less than they have opened.
  let common: CommonApplication | undefined
  const findCommon = (): CommonApplication | undefined => {
    if (warm.length > 0) return undefined
    common ??= commonOf(scripts, parts, placeOf)
    return common
  }
  const application = new Application({
    ...{ clock, logger, extensions, revalidateMs: tenant.revalidateMs },
    engine: () => findCommon()?.application.module ?? runtime.module,
    load: (engine, files, onFile) => {
      const onOpened = (path: string): void => onFile?.(`/${path}`)
      return load(engine, files, { ...scripts, ...parts, told, onOpened })
    },
    hasRequests: warm.length > 0,
    identify: (path) => identityAt(placeOf(path)),
  })
  return {
    ...{ name, extensions, index, app: undefined, settingsOf },
    opened: (opened) => {
      const path = `/${opened}`
      const others = findCommon()?.application
      if (application.knows(path) || others?.knows(path)) return
      const isOthers = others !== undefined && commonIdentity(path, placeOf) !== undefined
      const learning = isOthers ? others : application
      learning.opened(path)
    },
    module: () => application.module,
    ready: () => application.ready(),
    ended: () => {
      const others = findCommon()
      if (others !== undefined) {
        others.isShared ||= others.payer.name !== tenant.name
        others.payer = tenant
        others.application.ended()
        // What comes would be loaded a second time, over the other.
        if (others.application.isComing) return
      }
      application.ended()
    },
    close: () => application.close(),
  }
}

/**
 * What a tenant has in common with others: scripts of folders that none of them can write to, at the same paths, with the same variables.
 * They are loaded with nothing else in sight, so that what comes of it is the same whoever's request was the first.
 */
function commonOf(
  scripts: Scripts,
  parts: ApplicationParts,
  placeOf: (path: string) => Found | undefined,
): CommonApplication {
  const { common, folder, runtime, settings, tenant } = scripts
  const { clock, commonScripts, logger, workFor } = parts
  const alike = [runtime.id, common.places, folder?.guest, Object.entries(settings.env)]
  return commonScripts.take(JSON.stringify(alike), () => {
    let makePreopens: HandlerSettings['makePreopens'] | undefined
    const made: CommonApplication = {
      ...{ payer: tenant, isShared: false },
      application: new Application({
        ...{ clock, logger, extensions: runtime.config.extensions },
        ...{
          revalidateMs: tenant.revalidateMs,
          morePauseMs: () => (made.isShared ? COMMON_PAUSE_MS : 0),
        },
        engine: () => runtime.module,
        load: async (engine, files) => {
          makePreopens ??= common.openTree()
          return await load(engine, files, {
            ...{ ...scripts, ...parts, settings: { ...settings, makePreopens }, warm: [] },
            ...{ workFor: () => workFor(made.payer), told: new Set(), onOpened: () => undefined },
          })
        },
        hasRequests: false,
        identify: (path) => commonIdentity(path, placeOf),
      }),
    }
    return made
  })
}

/**
 * What a file is now that is no tenant's alone; undefined: there is none. Not one behind a link: that may lead to where each tenant has
 * something else.
 */
function commonIdentity(
  given: string,
  placeOf: (path: string) => Found | undefined,
): string | undefined {
  const plain = posix.normalize(given)
  const place = placeOf(plain)
  if (place?.host === undefined || place.folder === undefined || place.isWritable === true)
    return undefined
  const { folder, host } = place
  const found = plain === given ? place : placeOf(given)
  // By way of `..` it may come from another mount.
  if (found?.host === undefined || found.folder !== folder) return undefined
  const path = found.host.slice(folder.length).replace(/^\/+/, '')
  const status = statWithoutLinks(folder, path)
  if (status !== undefined) return typeof status === 'number' ? undefined : textOf(status)
  try {
    const real = realpathSync.native(found.host)
    const isPlain = real === realpathSync.native(folder) + host.slice(folder.length)
    return isPlain ? identityOf(host) : undefined
  } catch {
    return undefined
  }
}

/** A number: there is nothing, or a link on the way. undefined: this system does not tell. */
function statWithoutLinks(folder: string, path: string): FileStatus | number | undefined {
  const calls = loadFileCalls()
  if (calls?.look === undefined) return undefined
  const folderFd = calls.openat(AT_FDCWD, folder, FOLDER_FLAGS, 0)
  if (folderFd < 0) return folderFd
  const fd = calls.look.openBeneath(folderFd, path, O_PATH)
  closeSync(folderFd)
  if (fd < 0) return fd === -errno.ENOSYS ? undefined : fd
  const status = calls.look.statOpen(fd)
  closeSync(fd)
  return status
}

interface Loading extends Scripts, ApplicationParts {
  readonly onOpened: (path: string) => void
  /** What has been logged already. */
  readonly told: Set<string>
}

async function load(
  engine: GuestModule,
  files: readonly string[],
  loading: Loading,
): Promise<GuestModule> {
  const { app, clock, folder, runtime, settings, tenant, workFor, logger, told } = loading
  const { bootTimeoutMs } = runtime.config
  const limits = { ...DEFAULT_WASI_LIMITS, openFiles: tenant.limits.openFiles }
  const application = app === undefined ? undefined : { name: app, root: folder?.guest ?? '/' }
  const left = new Set(loading.warm)
  const leaveOut = (path: string, error: unknown): void => {
    left.delete(path)
    const { code, message } = toWire(error)
    if (told.has(path)) return
    told.add(path)
    logger.warn({ code, path }, `requests begin without what it would have left: ${message}`)
  }
  for (;;) {
    const requests = warmRequests([...left], {
      ...{ find: loading.find, index: loading.index, hosts: tenant.hosts, limits },
      onFile: loading.onOpened,
      onUnanswered: leaveOut,
    })
    try {
      return await warmModule(engine, {
        clock,
        turns: () => workFor(tenant),
        grants: {
          env: entriesOf({
            ...settings.env,
            WASM_FPM_WARM: files.join('\n'),
            ...(application === undefined ? {} : variablesOfImport(application)),
          }),
          preopens: settings.makePreopens(),
          random: (into) => void randomFillSync(into),
          onFile: application === undefined ? undefined : loading.onOpened,
          limits,
        },
        cpuMs: bootTimeoutMs,
        wallMs: bootTimeoutMs,
        application,
        requests,
      })
    } catch (error) {
      const failed = failedOf(error, requests)
      if (failed === undefined) throw error
      leaveOut(failed.path, error)
    }
  }
}

/** Which of the requests has failed; undefined: something else has. */
function failedOf(error: unknown, requests: readonly AskedRequest[]): AskedRequest | undefined {
  const isOne = error instanceof CodedError && error.code === 'GUEST_WARM_REQUEST_FAILED'
  return isOne ? requests.find(({ name }) => name === error.details['request']) : undefined
}

/** From paths as the guest sees them to those of this machine; undefined: nothing of the tenant's is there. */
function placeFinder(
  { folder, tenant }: Scripts,
  clock: Clock,
): (path: string) => Found | undefined {
  const places: Place[] = tenant.mounts.map(({ guest, host, writable }) => ({
    ...{ guest, host, isWritable: writable },
  }))
  if (folder !== undefined) places.push(folder)
  // Those that lie in others first.
  places.sort((a, b) => b.guest.length - a.guest.length)
  const { root, revalidateMs } = tenant
  const isRoot = root !== undefined && folder?.host === root
  const realRoot = isRoot ? new RealRoot(root, clock, revalidateMs) : undefined
  return (opened) => {
    const path = realRoot === undefined ? opened : moved(opened, realRoot.path, root ?? '')
    const place = places.find(({ guest }) => path.startsWith(guest === '/' ? guest : `${guest}/`))
    if (place?.host === undefined) return place && { ...place, folder: undefined }
    const below = path.slice(place.guest === '/' ? 0 : place.guest.length)
    const { host } = place
    return staysBelow(below) ? { ...place, host: host + below, folder: host } : undefined
  }
}

/** Whether no `..` leads above where the path begins. */
function staysBelow(path: string): boolean {
  let depth = 0
  for (const name of path.split('/')) {
    if (name !== '' && name !== '.') depth += name === '..' ? -1 : 1
    if (depth < 0) return false
  }
  return true
}

function identityAt(place: Found | undefined): string | undefined {
  if (place === undefined) return undefined
  return place.host === undefined ? NEVER_CHANGES : identityOf(place.host)
}

/** What a look at the file says: it takes so little time that waiting for it would take more. */
function identityOf(path: string): string | undefined {
  const status =
    loadFileCalls()?.look?.statPath(path) ?? statSync(path, { bigint: true, throwIfNoEntry: false })
  return typeof status === 'object' ? textOf(status) : undefined
}

function textOf({ dev, ino, size, mtimeNs, ctimeNs }: FileStatus): string {
  return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`
}
