/**
 * Where things lie in a store that is a folder. Names are digests or checked names, so no path leaves the folder.
 *
 *     format                         "wasm-fpm store 1"
 *     blobs/ab/abcd...               bytes by their digest: modules as published, hardened modules, files, listings
 *     images/ab/abcd...              folders of files by the digest of their listing; the files are links to blobs
 *     releases/ab/abcd....json       release records by their digest
 *     tenants/NAME/DIGEST.json       what a tenant has published
 *     live/NAME.json                 the pointers: what answers a tenant's requests now
 *     signatures/NAME/DIGEST.KEY     who has signed a tenant's releases
 *     leases/OWNER.json              what running workers use
 *     runtimes/NAME.wasm             modules of runtimes, for configurations that name no file
 *     state/NAME/sessions            what a tenant's programs keep of their visitors; the tenant's own, and no part of any release
 *     lock/000000000001              whose turn it is to change the store (lock.ts)
 *     tmp/OWNER-N                    what is being written
 *     reserve/000000000001           space for getting out of a full disk (replace-file.ts)
 */
import { join } from 'node:path'
import type { Digest } from './digest.ts'
import { StoreError } from './errors.ts'

/** First line of a store's `format` file. */
export const STORE_FORMAT = 'wasm-fpm store 1\n'

export class Layout {
  readonly root: string
  readonly format: string
  readonly live: string
  readonly tenants: string
  readonly signatures: string
  readonly leases: string
  readonly lock: string
  readonly runtimes: string
  readonly tmp: string
  readonly reserve: string

  /** `root`: the store's folder. */
  constructor(root: string) {
    this.root = root
    this.format = join(root, 'format')
    this.live = join(root, 'live')
    this.tenants = join(root, 'tenants')
    this.signatures = join(root, 'signatures')
    this.leases = join(root, 'leases')
    this.lock = join(root, 'lock')
    this.runtimes = join(root, 'runtimes')
    this.tmp = join(root, 'tmp')
    this.reserve = join(root, 'reserve')
  }

  /** The folder for everything of one kind. */
  kind(kind: 'blobs' | 'images' | 'releases'): string {
    return join(this.root, kind)
  }

  blobFolder(digest: Digest): string {
    return join(this.root, 'blobs', digest.slice(0, 2))
  }

  blob(digest: Digest): string {
    return join(this.blobFolder(digest), digest)
  }

  imageFolder(digest: Digest): string {
    return join(this.root, 'images', digest.slice(0, 2))
  }

  image(digest: Digest): string {
    return join(this.imageFolder(digest), digest)
  }

  releaseFolder(digest: Digest): string {
    return join(this.root, 'releases', digest.slice(0, 2))
  }

  release(digest: Digest): string {
    return join(this.releaseFolder(digest), `${digest}.json`)
  }

  /** Throws STORE_BAD_NAME. */
  tenant(tenant: string): string {
    return join(this.tenants, checkName('tenant', tenant))
  }

  /** Throws STORE_BAD_NAME. */
  published(tenant: string, digest: Digest): string {
    return join(this.tenant(tenant), `${digest}.json`)
  }

  /** The folder of a tenant's signatures. Throws STORE_BAD_NAME. */
  signaturesOf(tenant: string): string {
    return join(this.signatures, checkName('tenant', tenant))
  }

  /** `keyId`: of the signer's key. Throws STORE_BAD_NAME. */
  signature(tenant: string, digest: Digest, keyId: string): string {
    return join(this.signaturesOf(tenant), `${digest}.${keyId}`)
  }

  /** Throws STORE_BAD_NAME. */
  pointer(tenant: string): string {
    return join(this.live, `${checkName('tenant', tenant)}.json`)
  }

  /** Throws STORE_BAD_NAME. */
  runtime(name: string): string {
    return join(this.runtimes, `${checkName('runtime', name)}${RUNTIME_ENDING}`)
  }
}

/** What the name of a runtime's file ends in. */
export const RUNTIME_ENDING = '.wasm'

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/

/** Whether it can be the name of a tenant or a handler: what the configuration allows for tenants. */
export function isName(name: string): boolean {
  return NAME.test(name)
}

/** The names among pointers' files that are tenants'. */
export function tenantsOf(names: readonly string[]): readonly string[] {
  const tenants = names
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -'.json'.length))
  return tenants.filter(isName)
}

/** Returns `name`, or throws STORE_BAD_NAME. */
export function checkName(what: 'tenant' | 'handler' | 'runtime', name: string): string {
  if (isName(name)) return name
  throw new StoreError(
    'STORE_BAD_NAME',
    `Cannot name a ${what} ${JSON.stringify(name.slice(0, 80))}: wanted 1 to 63 letters, digits, ".", "_" or "-", a letter or digit first`,
  )
}

/** What the name of a signature's file says. */
export interface SignatureName {
  readonly release: Digest
  readonly keyId: string
}

/** Undefined: it is none. */
export function parseSignatureName(name: string): SignatureName | undefined {
  const [, release, keyId] = /^([0-9a-f]{64})\.([0-9a-f]{16})$/.exec(name) ?? []
  return release === undefined || keyId === undefined ? undefined : { release, keyId }
}
