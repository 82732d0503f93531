/**
 * The manifest of a handler: what a tenant says about a module (read-manifest.ts). docs/publishing.md is the reference.
 * Nothing in it grants anything: limits only go down from the tenant's.
 */

import type { Lifetime } from '../base/lifetime.ts'

export interface ManifestRoute {
  /** Starts with `/`; does not end with one, unless it is all of it. */
  readonly path: string
  /** Upper case, sorted; undefined: all. HEAD comes with GET. */
  readonly methods?: readonly string[] | undefined
}

/** What a handler may use; what is left out is the tenant's. Sizes in bytes, times in milliseconds. */
export interface HandlerLimits {
  readonly memoryBytes?: number | undefined
  readonly cpuMs?: number | undefined
  readonly wallMs?: number | undefined
  readonly requestBodyBytes?: number | undefined
  readonly responseBodyBytes?: number | undefined
}

/** The request a handler must answer before it goes live. */
export interface ProbeRequest {
  readonly method: string
  /** With the query, if any. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** The status it must answer with; undefined: any below 500. */
  readonly status?: number | undefined
  /** What the body must have in it. */
  readonly contains?: string | undefined
}

/** Files of the release that the server answers with itself. */
export interface ManifestStatic {
  /** A route; GET and HEAD only. */
  readonly path: string
  /** Below `files`; undefined: all of it. */
  readonly folder?: string | undefined
  /** File that stands for its folder. */
  readonly index: string
  /** The field's value; undefined: `no-cache`. */
  readonly cacheControl?: string | undefined
}

/** When a release goes back by itself to what was live before. */
export interface AutoRollback {
  /** Share of the requests that trap or exceed a limit, above 0 and below 1; more than that is too much. */
  readonly traps: number
  /** Requests that must have been answered before it is judged. */
  readonly requests: number
  /** How long after the switch it is watched. */
  readonly withinMs: number
}

export interface Manifest {
  /** Name of the handler among those of its tenant. */
  readonly name: string
  /** The module's file, relative to the manifest; undefined: the only `.wasm` there is. */
  readonly module?: string | undefined
  /** What runs its scripts, which then are all of it: a runtime of the tenant's. */
  readonly runtime?: string | undefined
  /** What of these answers all that no file does, as the runtime knows it. */
  readonly app?: string | undefined
  /** Script below `files` that answers where no file does. */
  readonly front?: string | undefined
  /** Paths of URLs whose scripts are run ahead of all requests. */
  readonly warm?: readonly string[] | undefined
  readonly abi: 'cgi'
  readonly routes: readonly ManifestRoute[]
  /** Undefined: `reset`, and `fresh` for a module that cannot be reset. */
  readonly lifetime?: Lifetime | undefined
  readonly env: Readonly<Record<string, string>>
  readonly limits: HandlerLimits
  /** A folder, relative to the manifest, whose contents the guest sees at `/`; of scripts undefined means all there is. */
  readonly files?: string | undefined
  readonly statics?: readonly ManifestStatic[] | undefined
  /** Undefined: never. */
  readonly autoRollback?: AutoRollback | undefined
  readonly probe: ProbeRequest
}

/** How sizes and durations are written: the configuration's own functions. Undefined: that is not one. */
export interface Units {
  readonly size: (value: unknown) => number | undefined
  readonly duration: (value: unknown) => number | undefined
}
