/** What every measured FastCGI server has in common: how it is started and what nginx sends it. */
import type { Server } from './process.ts'

/** The programs every backend runs, in its own language or the same C source. */
export const PROGRAMS = ['hello', 'download', 'upload', 'copy'] as const
export type Program = (typeof PROGRAMS)[number]

/** nginx to backend: `keep` reuses connections (FCGI_KEEP_CONN), `close` opens one a request. */
export const CONNECTION_MODES = ['keep', 'close'] as const
export type ConnectionMode = (typeof CONNECTION_MODES)[number]

export interface BackendContext {
  /** A folder of the benchmark's own, for sockets, configurations, logs and built programs. */
  readonly folder: string
  readonly cores: number
  /** The most connections the load generator opens at once. */
  readonly maxConnections: number
  /** The most connections nginx keeps open to one upstream, all its workers together. */
  readonly maxUpstreamConnections: number
}

export interface RunningBackend {
  readonly servers: readonly Server[]
  /** The unix socket for each connection mode; often the same. */
  readonly sockets: Readonly<Record<ConnectionMode, string>>
  /** False where the server closes every connection itself: nginx then must not try to keep them. */
  readonly canKeepConnections: boolean
  /** The value of SCRIPT_FILENAME for each program. */
  readonly scripts: Readonly<Record<Program, string>>
  readonly params?: Readonly<Record<string, string>>
}

/** A wasm-fpm that somebody else has started: one script of one tenant, whichever program is asked for. */
export function scriptOfTenant(tenant: string, socket: string, script: string): RunningBackend {
  return {
    servers: [],
    sockets: { keep: socket, close: socket },
    canKeepConnections: true,
    scripts: { hello: script, download: script, upload: script, copy: script },
    params: { WASM_FPM_TENANT: tenant },
  }
}

export interface Backend {
  readonly name: string
  /** Which it has; default: all. */
  readonly programs?: readonly Program[]
  /** How it is set up, for the method section of the results. */
  readonly setup: string
  /** Starts it and waits until it accepts. Throws with the reason when it cannot be run here. */
  start(context: BackendContext): Promise<RunningBackend>
}
