/** A tenant as requests see it: its configuration, made ready to use. */
import type { ResponseLimits } from '../cgi/response-stream.ts'
import type { Sizing } from '../pool/sizing.ts'
import type { SlotLimits } from '../pool/slots.ts'
import type { Preopen } from '../wasi/session.ts'
import type { DocumentRoot } from './document-root.ts'
import type { StderrLimits } from './guest-stderr.ts'

export interface Tenant {
  readonly name: string
  readonly pool: string
  /** Lower-case host names; `*.example.org` matches one or more labels, `*` everything. */
  readonly hosts: readonly string[]
  readonly documentRoot: DocumentRoot | undefined
  readonly extensions: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly slots: SlotLimits
  /** Of the linear memories of one instance. */
  readonly memoryBytes: number
  /** Of one request's body. */
  readonly requestBytes: number
  readonly cpuMs: number
  readonly wallMs: number
  readonly response: ResponseLimits
  readonly stderr: StderrLimits
  /** Lower-case names of X-Accel-*, X-Sendfile and the like that its guests may send. */
  readonly allowedResponseHeaders: ReadonlySet<string>
  readonly openFiles: number
  readonly sizing: Sizing
  /** Requests one instance answers before it is replaced; 0: no limit. */
  readonly maxRequests: number
  /** What one run of a guest sees of the file system. */
  readonly makePreopens: () => readonly Preopen[]
}
