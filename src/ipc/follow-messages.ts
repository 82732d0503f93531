/** What the master and the process that follows a source say to each other. */
import type { WireError } from '../base/errors.ts'
import type { LogLevel } from '../base/logger.ts'

/** How it is; told after each look. */
export interface FollowFacts {
  readonly source: string
  /** Tenants of the source. */
  readonly tenants: number
  /** Of them, those whose pointers here are not those there. */
  readonly behind: number
  /** Milliseconds since the source has answered; null: it never has. */
  readonly seenMs: number | null
  /** Since the start of the process. */
  readonly looks: number
  readonly switches: number
  readonly newBytes: number
  readonly failures: number
  /** What is in the way. */
  readonly error: { readonly code: string; readonly message: string } | null
}

/**
 * How the store here is beside the source's: nothing is on its way that is known of (what cannot be brought is told as an error); something is, or
 * may be; or the source does not answer.
 */
export type FollowStep = 'in-step' | 'bringing' | 'no-source'

export interface FollowSettings {
  readonly source: string
  /** What the source is to be shown, by its name in `env_file`; told to nobody else. */
  readonly secrets: Readonly<Record<string, string>>
  readonly allowsOldServer: boolean
  readonly store: string
  readonly intervalMs: number
  readonly log: { readonly level: LogLevel; readonly isReadable: boolean | null }
  readonly logLimitBytes: number
  readonly logMemoryBytes: number
}

export type MasterToFollower =
  | {
      readonly kind: 'start'
      readonly settings: FollowSettings
      /** Whether it shares a pipe or terminal that it has as a standard stream with nobody. */
      readonly ownsStreams: boolean
    }
  | { readonly kind: 'drain' }

export type FollowerMessage =
  /** It works; whether there is a source is another thing. `isEmpty`: nothing is live in the store here. */
  | { readonly kind: 'ready'; readonly isEmpty: boolean }
  | { readonly kind: 'failed'; readonly error: WireError }
  | { readonly kind: 'facts'; readonly facts: FollowFacts; readonly step: FollowStep }
