/** What the runs of one handler may use: what its tenant has, or what the manifest of a release makes of that. */
import type { ResponseLimits } from '../cgi/response-stream.ts'
import type { Asker } from '../outbound/outbound-account.ts'
import type { Sizing } from '../pool/sizing.ts'
import type { Preopen } from '../wasi/session.ts'

export interface HandlerSettings {
  /** Parts instances of handlers that share a module; empty: of the document root. */
  readonly place: string
  readonly env: Readonly<Record<string, string>>
  /** Processor time of a request, in milliseconds. */
  readonly cpuMs: number
  readonly wallMs: number
  readonly requestBodyBytes: number
  readonly response: ResponseLimits
  readonly sizing: Sizing
  /** What one run sees of the file system. */
  readonly makePreopens: MakePreopens
}

/** `asker`: whose connections are made; undefined: nobody's, and none are. */
export type MakePreopens = (asker?: Asker) => readonly Preopen[]
