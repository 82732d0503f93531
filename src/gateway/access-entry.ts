/** What the access line of one request may name. Only what its format asks for is looked up. */
import type { Clock } from '../base/clock.ts'
import type { CgiRequest } from '../cgi/environment.ts'
import type { CgiResponseStream } from '../cgi/response-stream.ts'
import type { GuestReport } from '../guest/job.ts'
import type { AccessEntry } from './access-log.ts'
import type { FailureCode } from './failure.ts'
import type { Tenant } from './tenant.ts'

/** What a request was answered by. */
export interface Answered {
  readonly requestId: string
  readonly tenant: Tenant | undefined
  readonly handler: string | undefined
  readonly cgi: CgiRequest | undefined
  readonly body: { readonly bytes: number } | undefined
  readonly run: { readonly queuedMs: number } | undefined
}

export class RequestEntry implements AccessEntry {
  readonly #answer: Answered
  readonly #response: CgiResponseStream | undefined
  readonly #report: GuestReport | undefined
  readonly #clock: Clock
  readonly status: number
  readonly code: FailureCode | undefined
  readonly wallMs: number

  constructor(
    answer: Answered,
    {
      status,
      code,
      report,
    }: Pick<RequestEntry, 'status' | 'code'> & { report: GuestReport | undefined },
    {
      response,
      clock,
      startMs,
    }: { response: CgiResponseStream | undefined; clock: Clock; startMs: number },
  ) {
    this.#answer = answer
    this.#response = response
    this.#report = report
    this.#clock = clock
    this.status = status
    this.code = code
    this.wallMs = clock.nowMs() - startMs
  }

  get requestId(): string {
    return this.#answer.requestId
  }

  get tenant(): string | undefined {
    return this.#answer.tenant?.config.name
  }

  get handler(): string | undefined {
    return this.#answer.handler
  }

  get method(): string {
    return this.#answer.cgi?.method ?? '-'
  }

  get uri(): string {
    return this.#answer.cgi?.requestUri ?? '-'
  }

  get remote(): string {
    return this.variable('REMOTE_ADDR') ?? '-'
  }

  get requestBytes(): number {
    return this.#answer.body?.bytes ?? 0
  }

  get responseBytes(): number {
    return this.#response?.bodyBytes ?? 0
  }

  get cpuMs(): number {
    return this.#report?.cpuMs ?? 0
  }

  get queuedMs(): number {
    return this.#answer.run?.queuedMs ?? 0
  }

  get memoryBytes(): number {
    return this.#report?.memoryBytes ?? 0
  }

  get pool(): string {
    return this.#answer.tenant?.config.pool ?? ''
  }

  get user(): string {
    return this.variable('REMOTE_USER') ?? ''
  }

  get script(): string {
    return this.handler === undefined ? '' : `/${this.handler}`
  }

  get contentLength(): number {
    return this.#answer.cgi?.contentLength ?? 0
  }

  get startEpochMs(): number {
    return this.endEpochMs - this.wallMs
  }

  get endEpochMs(): number {
    return this.#clock.epochMs()
  }

  get pid(): number {
    return process.pid
  }

  /** A system call. */
  get parentPid(): number {
    return process.ppid
  }

  variable(name: string): string | undefined {
    return this.#answer.cgi?.variables.get(name)
  }

  responseHeader(lowerCaseName: string): string | undefined {
    return this.#response?.field(lowerCaseName)
  }
}
