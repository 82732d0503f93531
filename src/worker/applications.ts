/** What of a tenant's scripts is loaded ahead, for one of its runtimes. */
import { randomFillSync } from 'node:crypto'
import { stat } from 'node:fs/promises'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { TenantConfig } from '../config/config.ts'
import { Application } from '../gateway/application.ts'
import type { HandlerSettings } from '../gateway/handler-settings.ts'
import { warmModule } from '../guest/boot.ts'
import { DEFAULT_WASI_LIMITS } from '../wasi/session.ts'
import type { Runtime } from './runtimes.ts'

export interface ApplicationParts {
  readonly clock: Clock
  readonly logger: Logger
}

/** `settings`: of the tenant's scripts. */
export function applicationOf(
  runtime: Runtime,
  tenant: TenantConfig,
  settings: HandlerSettings,
  { clock, logger }: ApplicationParts,
): Application {
  const { name, extensions, bootTimeoutMs } = runtime.config
  const hostPathOf = hostPaths(tenant)
  return new Application({
    ...{ clock, extensions, revalidateMs: tenant.revalidateMs },
    logger: logger.child({ tenant: tenant.name, runtime: name }),
    engine: () => runtime.module,
    load: (engine, files) =>
      warmModule(engine, {
        clock,
        grants: {
          env: [...entriesOf(settings.env), Buffer.from(`WASM_FPM_WARM=${files.join('\n')}`)],
          preopens: settings.makePreopens(),
          random: (into) => void randomFillSync(into),
          limits: { ...DEFAULT_WASI_LIMITS, openFiles: tenant.limits.openFiles },
        },
        cpuMs: bootTimeoutMs,
        wallMs: bootTimeoutMs,
      }),
    identify: async (path) => {
      const place = hostPathOf(path)
      return place === undefined ? undefined : identityOf(place)
    },
  })
}

function entriesOf(env: Readonly<Record<string, string>>): Uint8Array[] {
  return Object.entries(env).map((entry) => Buffer.from(entry.join('=')))
}

/** From paths as the guest sees them to those of this machine; undefined: nothing of the tenant's is there. */
function hostPaths({ root, mounts }: TenantConfig): (path: string) => string | undefined {
  const places = mounts.map(({ guest, host }) => ({ guest, host }))
  if (root !== undefined) places.push({ guest: root, host: root })
  // Those that lie in others first.
  places.sort((a, b) => b.guest.length - a.guest.length)
  return (path) => {
    const isClean = !path.split('/').includes('..')
    const place = isClean
      ? places.find(({ guest }) => path.startsWith(guest === '/' ? guest : `${guest}/`))
      : undefined
    return place && place.host + path.slice(place.guest === '/' ? 0 : place.guest.length)
  }
}

async function identityOf(path: string): Promise<string | undefined> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
    return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`
  } catch {
    return undefined
  }
}
