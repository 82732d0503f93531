/** What guests see of the file system: their tenant's files, a `/tmp` of their own, devices. */
import { type BigIntStats, realpathSync } from 'node:fs'
import type { Clock } from '../base/clock.ts'
import { HeldFolder } from '../base/held-folder.ts'
import type { MountConfig, RuntimeConfig, SessionsConfig, TenantConfig } from '../config/config.ts'
import { sessionsOf } from '../config/session-folders.ts'
import type { MakePreopens } from '../gateway/handler-settings.ts'
import type { DirectoryNode } from '../wasi/filesystem.ts'
import { hasFile } from '../wasi/has-file.ts'
import { openHostDirectory, tryHostDirectory } from '../wasi/host-directory.ts'
import type { ImageCache } from '../wasi/image-cache.ts'
import { ImageDirectory } from '../wasi/image-directory.ts'
import { createScratchDirectory } from '../wasi/memory-directory.ts'
import { DEFAULT_MEMORY_LIMITS, type MemoryLimits } from '../wasi/memory-quota.ts'
import { type MountLimits, MountQuota } from '../wasi/mount-quota.ts'
import { type Mounted, MountPlan } from '../wasi/mount-tree.ts'
import { RememberedTree } from '../wasi/remembered-directory.ts'
import type { Preopen } from '../wasi/session.ts'
import type { UsageLedger } from '../wasi/usage-ledger.ts'
import type { InCommon } from './in-common.ts'
import type { MakeDevices } from './outbound-devices.ts'
import { moved, RealRoot } from './real-root.ts'

/** Shared by all tenants. */
export interface FileParts {
  readonly clock: Clock
  readonly images: ImageCache
  readonly ledger: UsageLedger
  /** What was found in folders that several tenants have alike. */
  readonly commonTrees: InCommon<RememberedTree>
  /** `/dev`. */
  readonly makeDevices: MakeDevices
}

/** Those of `root`, its tenant's mounts, devices, and a `/tmp`: each a preopened directory. Throws `WasiError`. */
export function preopensOf(
  config: TenantConfig,
  parts: FileParts,
  root: string | undefined,
): MakePreopens {
  const { clock, images, makeDevices } = parts
  const mounts = config.mounts.map((mount) => ({
    guestPath: mount.guest,
    directory: openMount(mount, parts),
  }))
  const tmpLimits = tmpLimitsOf(config)
  return (asker) => [
    ...(root === undefined
      ? []
      : [{ guestPath: '/', directory: new ImageDirectory(root, images) }]),
    { guestPath: '/tmp', directory: createScratchDirectory(clock, tmpLimits) },
    { guestPath: '/dev', directory: makeDevices(asker) },
    ...mounts,
  ]
}

/** What the guests of runtimes see. */
export interface TreeParts extends FileParts {
  /** The tenant's. */
  readonly runtimes: readonly { readonly config: RuntimeConfig }[]
}

/** Where scripts are, as their guests see it, and on this machine. */
interface ScriptFolder {
  readonly guest: string
  readonly host: string
}

/**
 * The same in one tree, for the guests of runtimes: with a folder of scripts, default `root` at its own path. Throws `WasiError`.
 */
export function treeOf(
  config: TenantConfig,
  parts: TreeParts,
  folder?: ScriptFolder,
): MakePreopens {
  return makeTree(config, parts, { folder, isCommon: false })
}

/** The same without what is the tenant's alone: where it may write there are empty folders. Throws `WasiError`. */
export function commonTreeOf(
  config: TenantConfig,
  parts: TreeParts,
  folder?: ScriptFolder,
): MakePreopens {
  return makeTree({ ...config, sessionFolder: undefined }, parts, { folder, isCommon: true })
}

/** What tenants must have alike to have the same common tree but for the folder of scripts: text. */
export function commonPlacesOf({ mounts, limits, root, revalidateMs }: TenantConfig): string {
  const places = mounts.map(({ guest, host, writable }) => (writable ? [guest] : [guest, host]))
  return JSON.stringify([places, root, revalidateMs, limits.openFiles])
}

interface Tree {
  /** Default: `root`, at its own path. */
  readonly folder: ScriptFolder | undefined
  readonly isCommon: boolean
}

function makeTree(
  config: TenantConfig,
  parts: TreeParts,
  { folder, isCommon }: Tree,
): MakePreopens {
  const { mounts } = config
  const runtimes = parts.runtimes.map((runtime) => runtime.config)
  const sessions = sessionsOf(config, runtimes)
  const places = [...FIXED, ...[...sessions, ...mounts].map(({ guest }) => guest)]
  const { clock } = parts
  const openRoot: OpenRoot = (root) =>
    remembering(root, config, parts, () => new ImageDirectory(root.host, parts.images))
  const planNow =
    folder === undefined
      ? planner(config, places, { clock, openRoot })
      : fixedPlan(folder, places, openRoot)
  const openSessions = sessions.map((one) => sessionOpener(config, one, parts))
  const openTmp = tmpOpener(clock, tmpLimitsOf(config))
  const mounted = mounts.map((mount) =>
    isCommon && mount.writable ? openTmp : mountOf(mount, config, parts),
  )
  return (asker) => {
    const { plan, roots } = planNow()
    return asWhole(plan, [
      ...roots,
      ...fixed(parts.makeDevices(asker), openTmp),
      ...openSessions,
      ...mounted,
    ])
  }
}

interface Planned {
  readonly plan: MountPlan
  /** What is where it is; none: there is none. */
  readonly roots: readonly Mounted[]
}

function fixedPlan(folder: ScriptFolder, places: readonly string[], root: OpenRoot): () => Planned {
  const planned = { plan: new MountPlan([folder.guest, ...places]), roots: [root(folder)] }
  return () => planned
}

type OpenRoot = (folder: ScriptFolder) => Mounted

/** A link on the way to the root is one to guests as well, and paths below the root mean those where it leads. */
function planner(
  { root, revalidateMs }: TenantConfig,
  places: readonly string[],
  { clock, openRoot }: { readonly clock: Clock; readonly openRoot: OpenRoot },
): () => Planned {
  if (root === undefined) {
    const planned = { plan: new MountPlan(places), roots: [] }
    return () => planned
  }
  const realRoot = new RealRoot(root, clock, revalidateMs)
  let planned: (Planned & { readonly path: string }) | undefined
  return () => {
    const { path } = realRoot
    if (planned?.path === path) return planned
    const paths = [path, ...places.map((place) => moved(place, root, path))]
    const links = new Map(path === root ? [] : [[root, path]])
    const roots = [openRoot({ guest: path, host: path })]
    planned = { path, plan: new MountPlan(paths, links), roots }
    return planned
  }
}

/** Whether a tree of `makePreopens` has a file at a path below `root`; latin1, one char a byte. */
export function mountedIn(
  { root, mounts }: TenantConfig,
  makePreopens: () => readonly Preopen[],
): (path: string) => boolean {
  if (mounts.length === 0) return () => false
  return (path) => {
    const text = Buffer.from(path, 'latin1').toString('utf8')
    const whole = makePreopens().find(({ isWhole }) => isWhole === true)?.directory
    return whole !== undefined && hasFile(whole, `.${root}/${text}`)
  }
}

/** What every such tree has. */
export function bareTree({
  clock,
  makeDevices,
}: Pick<FileParts, 'clock' | 'makeDevices'>): Preopen[] {
  const openTmp = tmpOpener(clock, DEFAULT_MEMORY_LIMITS)
  return asWhole(new MountPlan(FIXED), fixed(makeDevices(), openTmp))
}

const FIXED = ['/tmp', '/dev']

function fixed(devices: DirectoryNode, openTmp: () => DirectoryNode): Mounted[] {
  return [openTmp, devices]
}

/** Of each request that looks for it. */
function tmpOpener(clock: Clock, limits: MemoryLimits): () => DirectoryNode {
  return () => {
    const tmp = createScratchDirectory(clock, limits)
    tmp.retain()
    return tmp
  }
}

function asWhole(plan: MountPlan, directories: readonly Mounted[]): Preopen[] {
  return [{ guestPath: '/', directory: plan.open(directories), isWhole: true }]
}

function tmpLimitsOf({ limits }: TenantConfig): MemoryLimits {
  const { tmpBytes, tmpFiles, tmpDepth } = limits
  return { ...DEFAULT_MEMORY_LIMITS, bytes: tmpBytes, files: tmpFiles, depth: tmpDepth }
}

/** Throws `WasiError`. */
function openMount(
  { host, writable, quotaBytes, quotaFiles }: MountConfig,
  parts: FileParts,
): DirectoryNode {
  const limits = { bytes: quotaBytes, names: quotaFiles }
  const quota = writable ? quotaOf(host, limits, parts) : undefined
  return openHostDirectory(host, quota === undefined ? { writable: false } : { writable, quota })
}

/** As guests of runtimes have it. Throws `WasiError`. */
function mountOf(mount: MountConfig, config: TenantConfig, parts: FileParts): Mounted {
  const directory = openMount(mount, parts)
  if (mount.writable) return directory
  const stat = directory.stat()
  const inode = typeof stat === 'object' ? `${stat.dev}:${stat.ino}` : ''
  return remembering({ ...mount, inode }, config, parts, () => directory)
}

interface Remembered extends ScriptFolder {
  /** Which folder that is; undefined: the one that is there when it is opened. */
  readonly inode?: string
}

/** A folder that guests cannot change: what they find in it is believed for as long as the tenant says, if that is so. */
function remembering(
  place: Remembered,
  config: TenantConfig,
  { clock, commonTrees }: FileParts,
  open: () => DirectoryNode,
): Mounted {
  const held = (): DirectoryNode => {
    const directory = open()
    directory.retain()
    return directory
  }
  const { revalidateMs: lifeMs } = config
  if (lifeMs === 0 || isWrittenElsewhere(place, config)) return held
  const make = (): RememberedTree => new RememberedTree(held, { clock, lifeMs })
  const tree = config.warm.length > 0 ? make() : commonTrees.take(alike(place, config), make)
  return tree.take
}

/** Text that tenants give who may know of each other what they have looked at: those that have scripts in common. */
function alike({ guest, host, inode }: Remembered, config: TenantConfig): string {
  const others = [config.runtimes, commonPlacesOf(config), Object.entries(config.env)]
  return JSON.stringify([guest, host, inode, ...others])
}

/** Whether guests may write to it, or to something in it, by another path than the one they see it at. */
function isWrittenElsewhere(
  { guest, host }: ScriptFolder,
  { mounts, sessionFolder }: TenantConfig,
): boolean {
  const written = mounts.filter(({ writable }) => writable)
  const own = realPath(host)
  return [...written, { guest: undefined, host: sessionFolder }].some((other) => {
    if (other.host === undefined) return false
    const theirs = realPath(other.host)
    const inside = below(own, theirs)
    const above = below(theirs, own)
    if (inside !== undefined) return other.guest !== guest + inside
    return above !== undefined && (other.guest ?? '') + above !== guest
  })
}

/** What comes behind `folder` in `path`; undefined: it is not below. */
function below(folder: string, path: string): string | undefined {
  const isBelow = path === folder || path.startsWith(`${folder}/`)
  return isBelow ? path.slice(folder.length) : undefined
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

/** Opened anew by each request that looks for it. One that cannot be opened is empty, and gone with the request. */
function sessionOpener(
  config: TenantConfig,
  { quotaBytes: bytes, quotaFiles: names }: SessionsConfig,
  parts: FileParts,
): () => DirectoryNode {
  const { sessionFolder } = config
  const openPassing = tmpOpener(parts.clock, tmpLimitsOf(config))
  let quota: MountQuota | undefined
  return () => {
    if (sessionFolder !== undefined) {
      quota ??= quotaOf(sessionFolder, { bytes, names }, parts)
      const opened = quota && tryHostDirectory(sessionFolder, { writable: true, quota })
      if (typeof opened === 'object') return opened
    }
    return openPassing()
  }
}

/** Counts the folder; undefined: it cannot be opened. */
function quotaOf(
  folder: string,
  limits: MountLimits,
  { clock, ledger }: FileParts,
): MountQuota | undefined {
  const stats = statFolder(folder)
  if (stats === undefined) return undefined
  const quota = new MountQuota({ account: ledger.accountOf(stats), limits, folder, clock })
  void quota.start()
  return quota
}

/** undefined: it cannot be opened. */
function statFolder(path: string): BigIntStats | undefined {
  try {
    using folder = HeldFolder.open(path)
    return folder.stat()
  } catch {
    return undefined
  }
}
