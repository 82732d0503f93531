/**
 * Makes a handler's module ready for requests: what has to be booted is, with the files, variables and limits of its requests. All else is
 * ready.
 */
import { randomFillSync } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import type { TenantConfig } from '../config/config.ts'
import type { HandlerSettings } from '../gateway/handler-settings.ts'
import { type BootTurns, bootModule } from '../guest/boot.ts'
import type { GuestModule } from '../guest/guest-module.ts'
import { DEFAULT_WASI_LIMITS } from '../wasi/session.ts'

export interface BootParts {
  readonly clock: Clock
  /** Each time a piece of work of the tenant's; undefined: nobody's. */
  readonly workFor: (tenant: TenantConfig) => BootTurns | undefined
}

/** Rejects with GUEST_BOOT_FAILED, GUEST_WRONG_CONTRACT. */
export async function bootHandler(
  module: GuestModule,
  { cpuMs, env, makePreopens, wallMs }: HandlerSettings,
  { clock, tenant, workFor }: BootParts & { readonly tenant: TenantConfig },
): Promise<GuestModule> {
  if (module.isReactor !== true) return module
  return bootModule(module, {
    clock,
    turns: () => workFor(tenant),
    grants: {
      env: entriesOf(env),
      preopens: makePreopens(),
      random: (into) => void randomFillSync(into),
      limits: { ...DEFAULT_WASI_LIMITS, openFiles: tenant.limits.openFiles },
    },
    cpuMs,
    wallMs,
  })
}

/** Variables, `NAME=value` each, as UTF-8. */
export function entriesOf(env: Readonly<Record<string, string>>): Uint8Array[] {
  return Object.entries(env).map((entry) => Buffer.from(entry.join('=')))
}
