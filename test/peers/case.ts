/** One thing every web server must get right in front of wasm-fpm, and what it is given to try it with. */
import { type Answer, ask, type Question } from '../support/peers/http-client.ts'
import type { Peer } from '../support/peers/start-peer.ts'
import type { WasmFpm } from '../support/peers/wasm-fpm.ts'
import type { Traits } from './traits.ts'

export interface PeerCase {
  readonly name: string
  run(context: CaseContext): Promise<void>
}

export interface CaseContext {
  readonly peer: Peer
  readonly traits: Traits
  /** Whether the web server was asked to keep its connections to wasm-fpm. */
  readonly keepAlive: boolean
  readonly wasmFpm: WasmFpm
  /** The languages there are guests in. */
  readonly languages: readonly string[]
  /** Asks the web server. */
  ask(path: string, question?: Question): Promise<Answer>
}

/** The host name of the tenant with tight limits: 1 s of wall time, 64 KiB of request body. */
export const TIGHT = { Host: 'tight.example' } as const

export function caseContext(parts: Omit<CaseContext, 'ask'>): CaseContext {
  return { ...parts, ask: (path, question) => ask(parts.peer.port, path, question) }
}
