/** A tenant as requests see it: its configuration, and what was made ready of it. */
import type { ResponseLimits } from '../cgi/response-stream.ts'
import type { TenantConfig } from '../config/config.ts'
import type { Sizing } from '../pool/sizing.ts'
import type { SlotLimits } from '../pool/slots.ts'
import type { Preopen } from '../wasi/session.ts'
import type { AccessLog } from './access-log.ts'
import type { DocumentRoot } from './document-root.ts'
import type { StderrLimits } from './guest-stderr.ts'

export interface Tenant {
  readonly config: TenantConfig
  readonly documentRoot: DocumentRoot | undefined
  readonly slots: SlotLimits
  readonly sizing: Sizing
  readonly response: ResponseLimits
  readonly stderr: StderrLimits
  /** Lower-case names of X-Accel-*, X-Sendfile and the like that its guests may send. */
  readonly allowedResponseHeaders: ReadonlySet<string>
  /** What one run of a guest sees of the file system. */
  readonly makePreopens: () => readonly Preopen[]
  /** Where its requests leave a line; undefined: nowhere. */
  readonly accessLog: AccessLog | undefined
}
