/** What status pages show of an instance: plain facts beside it, for as long as it lives. */
import type { GuestReport } from '../guest/instance.ts'

/** What a request is about; strings as the web server sent them. */
export interface JobSubject {
  readonly method: string
  readonly uri: string
  readonly script: string
  readonly user: string
  readonly contentLength: number
}

export interface InstanceRecord {
  readonly tenant: string
  /** Counts the instances of this process. */
  readonly number: number
  /** On the pool's clock, in milliseconds. */
  readonly madeMs: number
  requests: number
  isRunning: boolean
  /** When its latest run started and, if it is over, ended. */
  startedMs: number
  endedMs: number
  subject: JobSubject | undefined
  last: GuestReport | undefined
}

let instances = 0

export function newInstanceRecord(tenant: string, nowMs: number): InstanceRecord {
  instances += 1
  return {
    tenant,
    number: instances,
    madeMs: nowMs,
    requests: 0,
    isRunning: false,
    startedMs: nowMs,
    endedMs: nowMs,
    subject: undefined,
    last: undefined,
  }
}
