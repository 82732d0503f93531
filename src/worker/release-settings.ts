/** What a release may use, and its module: the manifest's wishes within the tenant's limits. */
import type { HandlerSettings, MakePreopens } from '../gateway/handler-settings.ts'
import type { CompileCache, ModuleHolder } from '../guest/compile-cache.ts'
import type { CompileLimits, GuestModule } from '../guest/guest-module.ts'
import type { LoadTurns } from '../guest/load-turns.ts'
import { readSigners } from '../store/public-key.ts'
import { canRunHardened, readHardened, readOriginal } from '../store/read-module.ts'
import type { LiveHandler, ReleaseReader } from '../store/release-reader.ts'

/** `tenant`: what its handlers may use at most. */
export function settingsOfRelease(
  { digest, release }: LiveHandler,
  tenant: HandlerSettings,
  makePreopens: MakePreopens,
): HandlerSettings {
  const { limits, env, lifetime } = release.manifest
  return {
    place: digest,
    env: { ...tenant.env, ...env },
    cpuMs: least(limits.cpuMs, tenant.cpuMs),
    wallMs: least(limits.wallMs, tenant.wallMs),
    requestBodyBytes: least(limits.requestBodyBytes, tenant.requestBodyBytes),
    response: {
      ...tenant.response,
      bodyBytes: least(limits.responseBodyBytes, tenant.response.bodyBytes),
    },
    sizing: { ...tenant.sizing, lifetime: lifetime ?? tenant.sizing.lifetime },
    makePreopens,
  }
}

interface ReleaseParts {
  readonly modules: CompileCache
  readonly turns: LoadTurns
  readonly holder: ModuleHolder
}

/**
 * The module as the publisher hardened it, or hardened anew where that does not fit any more: the tenant may have
 * less than then (`tenant`). Rejects with `StoreError`, `GuestError`, `WasmError`.
 */
export async function loadRelease(
  live: LiveHandler,
  tenant: CompileLimits,
  { modules, turns, holder }: ReleaseParts,
): Promise<GuestModule> {
  const { hardened, manifest, original } = live.release
  if (original === undefined) throw new Error(`${live.digest} has no module, wanted one`)
  const name = `${live.tenant}/${live.name}`
  const memoryMaxBytes = least(manifest.limits.memoryBytes, tenant.memoryMaxBytes)
  const limits = { ...tenant, memoryMaxBytes }
  if (canRunHardened(hardened, limits)) {
    return turns.take(live.tenant, hardened.bytes, () =>
      modules.compileHardened({ ...hardened, name }, () => readHardened(live), holder),
    )
  }
  return turns.take(live.tenant, original.bytes, async () =>
    modules.compile(await readOriginal(live), { name, ...limits }, holder),
  )
}

/** Refuses releases that a tenant's signers have not signed; each is verified once. */
export function verifierOf(
  signers: readonly string[],
  reader: ReleaseReader,
): (live: LiveHandler) => Promise<void> {
  if (signers.length === 0) return () => Promise.resolve()
  const verified = new Map<string, Promise<void>>()
  return (live) => {
    const known = verified.get(live.digest)
    if (known !== undefined) return known
    const verifying = readSigners(signers).then((keys) => reader.verify(live, keys))
    verified.set(live.digest, verifying)
    verifying.catch(() => verified.delete(live.digest))
    return verifying
  }
}

function least(asked: number | undefined, allowed: number): number {
  return Math.min(asked ?? allowed, allowed)
}
