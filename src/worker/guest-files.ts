/** What guests see of the file system: their tenant's files, a `/tmp` of their own, devices. */
import type { BigIntStats } from 'node:fs'
import type { Clock } from '../base/clock.ts'
import { HeldFolder } from '../base/held-folder.ts'
import type { MountConfig, TenantConfig } from '../config/config.ts'
import type { MakePreopens } from '../gateway/handler-settings.ts'
import type { DirectoryNode } from '../wasi/filesystem.ts'
import { hasFile } from '../wasi/has-file.ts'
import { openHostDirectory } from '../wasi/host-directory.ts'
import type { ImageCache } from '../wasi/image-cache.ts'
import { ImageDirectory } from '../wasi/image-directory.ts'
import { createScratchDirectory } from '../wasi/memory-directory.ts'
import { DEFAULT_MEMORY_LIMITS, type MemoryLimits } from '../wasi/memory-quota.ts'
import { MountQuota } from '../wasi/mount-quota.ts'
import { MountPlan } from '../wasi/mount-tree.ts'
import type { Preopen } from '../wasi/session.ts'
import type { UsageLedger } from '../wasi/usage-ledger.ts'
import type { MakeDevices } from './outbound-devices.ts'

/** Shared by all tenants. */
export interface FileParts {
  readonly clock: Clock
  readonly images: ImageCache
  readonly ledger: UsageLedger
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

/** The same in one tree, with `root` at its own path, for the guests of runtimes. Throws `WasiError`. */
export function treeOf(config: TenantConfig, parts: FileParts): MakePreopens {
  const { root, mounts } = config
  const roots = root === undefined ? [] : [root]
  const plan = new MountPlan([...roots, ...FIXED, ...mounts.map(({ guest }) => guest)])
  const mounted = mounts.map((mount) => openMount(mount, parts))
  const tmpLimits = tmpLimitsOf(config)
  return (asker) =>
    asWhole(plan, [
      ...roots.map((folder) => new ImageDirectory(folder, parts.images)),
      ...fixed(parts.clock, parts.makeDevices(asker), tmpLimits),
      ...mounted,
    ])
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
  return asWhole(new MountPlan(FIXED), fixed(clock, makeDevices(), DEFAULT_MEMORY_LIMITS))
}

const FIXED = ['/tmp', '/dev']

function fixed(clock: Clock, devices: DirectoryNode, tmpLimits: MemoryLimits): DirectoryNode[] {
  return [createScratchDirectory(clock, tmpLimits), devices]
}

function asWhole(plan: MountPlan, directories: readonly DirectoryNode[]): Preopen[] {
  return [{ guestPath: '/', directory: plan.open(directories), isWhole: true }]
}

function tmpLimitsOf({ limits }: TenantConfig): MemoryLimits {
  const { tmpBytes, tmpFiles, tmpDepth } = limits
  return { ...DEFAULT_MEMORY_LIMITS, bytes: tmpBytes, files: tmpFiles, depth: tmpDepth }
}

/** Throws `WasiError`. */
function openMount(
  { host, writable, quotaBytes, quotaFiles }: MountConfig,
  { clock, ledger }: FileParts,
): DirectoryNode {
  const folder = writable ? statFolder(host) : undefined
  if (folder === undefined) return openHostDirectory(host, { writable: false })
  const quota = new MountQuota({
    account: ledger.accountOf(folder),
    limits: { bytes: quotaBytes, names: quotaFiles },
    folder: host,
    clock,
  })
  void quota.start()
  return openHostDirectory(host, { writable, quota })
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
