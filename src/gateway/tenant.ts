/** A tenant as requests see it: its configuration, and what was made ready of it. */
import type { Traffic } from '../base/traffic.ts'
import type { TenantConfig } from '../config/config.ts'
import type { PoolTenant } from '../pool/pool-tenant.ts'
import type { SlotLimits } from '../pool/slots.ts'
import type { WasiLimits } from '../wasi/session.ts'
import type { AccessLog } from './access-log.ts'
import type { DocumentRoot } from './document-root.ts'
import type { StderrLimits } from './guest-stderr.ts'
import type { HandlerSettings } from './handler-settings.ts'
import type { PublishedHandlers } from './published-handlers.ts'
import type { ScriptRuntime } from './script-runtime.ts'

export interface Tenant {
  readonly config: TenantConfig
  /** Handlers that were published; they are asked first. Undefined: there is no store. */
  readonly published: PublishedHandlers | undefined
  readonly documentRoot: DocumentRoot | undefined
  /** What runs files of the document root that are no modules. */
  readonly runtimes: readonly ScriptRuntime[]
  /** One of these, whose application answers all that is not published; undefined: files do. */
  readonly app: ScriptRuntime | undefined
  /** What handlers of the document root may use. */
  readonly settings: HandlerSettings
  /** What those of them have instead that the configuration names, by path (latin1, one char a byte). */
  readonly handlers: ReadonlyMap<string, HandlerSettings>
  readonly slots: SlotLimits
  /** What the pool knows of it; set at its first request. */
  state?: PoolTenant | undefined
  readonly traffic: Traffic
  readonly wasiLimits: WasiLimits
  readonly stderr: StderrLimits
  /** Lower-case names of X-Accel-*, X-Sendfile and the like that its guests may send. */
  readonly allowedResponseHeaders: ReadonlySet<string>
  /** Where its requests leave a line; undefined: nowhere. */
  readonly accessLog: AccessLog | undefined
}
