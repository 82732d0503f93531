/** A folder to pull into, and registries that end with the test. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { DEFAULT_OCI_LIMITS, type OciLimits } from '../../../src/oci/limits.ts'
import { type PulledArtifact, pullArtifact } from '../../../src/oci/pull-artifact.ts'
import type { TransferOptions } from '../../../src/oci/transfer.ts'
import { type Behaviour, type FakeLayer, type FakeRegistry, startFake } from './fake-registry.ts'

export const LIMITS: OciLimits = {
  ...DEFAULT_OCI_LIMITS,
  backoffMs: 1,
  retryAfterMs: 5,
  idleMs: 3_000,
  totalMs: 20_000,
}

export const MODULE = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])
export const WASM: FakeLayer = { mediaType: 'application/wasm', bytes: MODULE }
const ARCHIVE_TYPE = 'application/vnd.oci.image.layer.v1.tar+gzip'
export const archive = (bytes: Uint8Array): FakeLayer => ({ mediaType: ARCHIVE_TYPE, bytes })

export interface PullPlace {
  /** Has nothing but `into` in it. */
  readonly root: string
  readonly into: string
  /** Starts a registry that ends with the test. */
  start(...behaviours: readonly Behaviour[]): Promise<FakeRegistry>
  pull(
    registry: FakeRegistry,
    options?: Partial<TransferOptions>,
    version?: string,
  ): Promise<PulledArtifact>
  /** Expects a pull to fail like that, and to leave nothing. */
  refused(registry: FakeRegistry, wanted: object, limits?: Partial<OciLimits>): Promise<void>
}

/** Call it at the top of a test file; the place is another one in each test. */
export function usePullPlace(): PullPlace {
  let root = ''
  const running: FakeRegistry[] = []
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'wasm-fpm-oci-hostile-'))
    mkdirSync(join(root, 'in'))
  })
  afterEach(async () => {
    for (const one of running.splice(0)) await one.stop()
    rmSync(root, { recursive: true })
  })
  const place: PullPlace = {
    get root() {
      return root
    },
    get into() {
      return join(root, 'in')
    },
    async start(...behaviours) {
      const registry = await startFake(...behaviours)
      running.push(registry)
      return registry
    },
    pull: ({ host }, options = {}, version = ':v1') =>
      pullArtifact(`oci://${host}/acme/shop${version}`, place.into, {
        ...{ clock: systemClock, limits: LIMITS },
        ...options,
      }),
    async refused(registry, wanted, limits = {}) {
      const pulling = place.pull(registry, { limits: { ...LIMITS, ...limits } })
      await expect(pulling).rejects.toMatchObject(wanted)
      expect(readdirSync(place.into)).toEqual([])
      expect(readdirSync(root)).toEqual(['in'])
    },
  }
  return place
}
