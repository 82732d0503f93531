/**
 * The answer to one request: the guest's checked response, or an error page in its place, or a broken-off stream. Exactly
 * one of them, then FCGI_END_REQUEST, then one access line.
 */
import type { ByteSink } from '../base/byte-stream.ts'
import type { CgiRequest } from '../cgi/environment.ts'
import type { CgiRole } from '../cgi/response-head.ts'
import {
  CgiResponseStream,
  DEFAULT_RESPONSE_LIMITS,
  type ResponseLimits,
  type ResponseOptions,
} from '../cgi/response-stream.ts'
import { ProtocolStatus, Role } from '../fastcgi/constants.ts'
import type { FastCgiRequest } from '../fastcgi/request.ts'
import type { GuestReport } from '../guest/job.ts'
import { RequestEntry } from './access-entry.ts'
import { GatewayError } from './errors.ts'
import { type FailureCode, failureRule, outcomeCode } from './failure.ts'
import type { Gateway } from './gateway.ts'
import { DEFAULT_STDERR_LIMITS, GuestStderr, type StderrOwner } from './guest-stderr.ts'
import type { RequestBody } from './request-body.ts'
import { whenRestIsRead } from './rest-of-body.ts'
import type { FileTarget, Target } from './target.ts'
import type { Tenant } from './tenant.ts'

const ROLE_NAMES = {
  [Role.Responder]: 'responder',
  [Role.Authorizer]: 'authorizer',
  [Role.Filter]: 'filter',
} as const

/** Methods whose requests have a body only when its length says so. */
const BODILESS_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'])

const NO_HEADERS: ReadonlySet<string> = new Set()

/** The run of the guest that answers. */
export interface AnsweredRun {
  /** Milliseconds it has waited to be started. */
  readonly queuedMs: number
  stop(reason: 'rejected'): void
  /** The response is complete, and the guest goes on. */
  finishedEarly(): void
}

export class Answer implements ByteSink, ResponseOptions, StderrOwner {
  readonly requestId: string
  /** When the request came, on the gateway's clock. */
  readonly startMs: number
  /** Set as soon as it is known: what the request is about, who answers, and which handler does. */
  cgi: CgiRequest | undefined
  tenant: Tenant | undefined
  target: Target | undefined
  /** Set before the guest runs. */
  body: RequestBody | undefined
  run: AnsweredRun | undefined
  readonly #request: FastCgiRequest
  readonly #gateway: Gateway
  #response: CgiResponseStream | undefined
  #stderr: GuestStderr | undefined
  #refusal: Error | undefined
  #isEnded = false
  /** Whether the guest has ended its answer, which waits for the rest of the body; and what follows. */
  #isFinishing = false
  #thenComplete: (() => void) | undefined

  constructor(request: FastCgiRequest, gateway: Gateway) {
    this.requestId = gateway.nextRequestId()
    this.startMs = gateway.clock.nowMs()
    this.#request = request
    this.#gateway = gateway
  }

  get role(): CgiRole {
    return ROLE_NAMES[this.#request.role]
  }

  get method(): string {
    return this.cgi?.method ?? 'GET'
  }

  get limits(): ResponseLimits {
    return (this.target?.settings ?? this.tenant?.settings)?.response ?? DEFAULT_RESPONSE_LIMITS
  }

  get allowedHeaders(): ReadonlySet<string> {
    return this.tenant?.allowedResponseHeaders ?? NO_HEADERS
  }

  get handler(): string | undefined {
    return this.target?.handler
  }

  /** Sends a complete CGI response of our own. */
  page(response: Uint8Array): void {
    const { stdout } = this.#request
    stdout.write(response)
    stdout.end()
    this.#request.end(ProtocolStatus.RequestComplete, 0)
    this.#isEnded = true
    this.#gateway.onEnded?.()
  }

  /** Answers with a file of a release. */
  file({ files, pathInfo }: FileTarget, cgi: CgiRequest): void {
    const response = this.#open()
    const sink: ByteSink = {
      write: (bytes) => response.write(bytes),
      onWritable: (wake) => response.onWritable(wake),
      end: () => undefined,
    }
    files
      .answer({ cgi, pathInfo }, { sink, onAbort: (giveUp) => this.#request.onAbort(giveUp) })
      .then(() => this.#whenBodyIsIn(() => this.#finish(0, undefined)))
      .catch((error) => this.fail(error))
  }

  /** Takes what the guest prints; stops it when that breaks a rule. */
  write(bytes: Uint8Array): number {
    const response = this.#open()
    const taken = response.write(bytes)
    const { error } = response
    if (error !== undefined) this.refuse(error)
    return taken
  }

  onWritable(wake: () => void): void {
    this.#open().onWritable(wake)
  }

  /** The guest has ended its response and goes on (fastcgi_finish_request). */
  end(): void {
    this.#endEarly(0)
  }

  /** So it has, and reads no more of the request. False: that has been before. */
  finish(status: number): boolean {
    if (this.#isEnded || this.#isFinishing) return false
    this.#open().end()
    this.#isFinishing = true
    this.#whenBodyIsIn(() => {
      this.#isFinishing = false
      this.#endEarly(status)
      this.#thenComplete?.()
    })
    return true
  }

  #endEarly(status: number): void {
    const response = this.#open()
    response.end()
    const result = response.finish()
    if (result.kind === 'failed') this.refuse(result.error)
    else {
      this.#endRequest(response, ProtocolStatus.RequestComplete, status)
      this.run?.finishedEarly()
    }
  }

  get stderr(): ByteSink {
    if (this.#stderr !== undefined) return this.#stderr
    const limits = this.tenant?.stderr ?? DEFAULT_STDERR_LIMITS
    const stderr = new GuestStderr(this, limits, this.#gateway.clock)
    this.#stderr = stderr
    this.#open().onHeadTaken(() => stderr.release())
    return stderr
  }

  /** A message of the guest's, to the web server. */
  forward(bytes: Uint8Array): void {
    this.#request.stderr.write(bytes)
  }

  /** A message of the guest's, to our log. */
  log(message: string, isFailure: boolean): void {
    const { requestId, handler } = this
    this.#gateway.logger[isFailure ? 'error' : 'info'](
      { requestId, tenant: this.tenant?.config.name, handler, stream: 'stderr' },
      message,
    )
  }

  /** The guest waits: what it has printed goes out now. */
  flush(): void {
    this.#response?.flush()
  }

  /** Request or response broke a rule: the guest is stopped, and `error` decides the answer. The first one counts. */
  refuse(error: Error): void {
    this.#refusal ??= error
    this.run?.stop('rejected')
  }

  /** The guest has ended. */
  complete(report: GuestReport): void {
    if (this.#isFinishing) this.#thenComplete = () => this.#complete(report)
    else if (this.#missingBodyBytes() <= 0) this.#complete(report)
    else this.#whenBodyIsIn(() => this.#complete(report))
  }

  #complete(report: GuestReport): void {
    const { outcome } = report
    const code = outcomeCode(outcome)
    if (this.#refusal !== undefined)
      this.#reportFailure(codeOf(this.#refusal), this.#refusal.message, report)
    else if (code !== undefined) this.#reportFailure(code, describeOutcome(report), report)
    else this.#finish(outcome.kind === 'exited' ? outcome.code : 0, report)
  }

  /** No guest ran, or something broke. */
  fail(error: unknown): void {
    const code = codeOf(error)
    const message = error instanceof Error ? error.message : String(error)
    if (code === 'INTERNAL')
      this.#gateway.logger.error({ requestId: this.requestId, err: error }, 'request failed')
    this.#whenBodyIsIn(() => this.#reportFailure(code, message, undefined, allowOf(error)))
  }

  /** Calls `answer` at once, unless it would come before the end of a body that is on its way. */
  #whenBodyIsIn(answer: () => void): void {
    const wantedBytes = this.#missingBodyBytes()
    if (wantedBytes <= 0) answer()
    else whenRestIsRead(this.#request, { wantedBytes, clock: this.#gateway.clock }, answer)
  }

  /** What is still to come of a body that is on its way; 0: it is no matter any more. */
  #missingBodyBytes(): number {
    if (this.#isEnded || this.#response?.headSent === true) return 0
    const announced = this.cgi?.contentLength ?? (BODILESS_METHODS.has(this.method) ? 0 : Infinity)
    return announced - (this.body?.bytes ?? 0)
  }

  #finish(exitCode: number, report: GuestReport | undefined): void {
    const response = this.#open()
    const result = response.finish()
    if (result.kind === 'failed') {
      const isCrash = result.error.code === 'CGI_NO_HEADER' && exitCode !== 0
      const code = isCrash ? 'OUTCOME_FAILED' : result.error.code
      this.#reportFailure(code, result.error.message, report)
      return
    }
    this.#endRequest(response, ProtocolStatus.RequestComplete, exitCode)
    this.#writeAccess(response.status ?? 200, undefined, report)
  }

  #reportFailure(
    code: FailureCode,
    message: string,
    report: GuestReport | undefined,
    allow?: string,
  ): void {
    const rule = failureRule(code)
    const { requestId } = this
    const trap = report?.outcome.kind === 'trapped' ? { backtrace: report.outcome.backtrace } : {}
    this.#gateway.logger[rule.level](
      { requestId, tenant: this.tenant?.config.name, handler: this.handler, code, ...trap },
      message,
    )
    const response = this.#open()
    const wasAnswered = this.#isEnded
    const isClean =
      wasAnswered || response.fail(rule.status, { retryAfterS: rule.retryAfterS, allow })
    if (isClean) this.#endRequest(response, rule.protocolStatus, 1)
    else this.#breakOff()
    this.#writeAccess(
      isClean && !wasAnswered ? rule.status : (response.status ?? rule.status),
      code,
      report,
    )
  }

  /** Ends the request once everything printed has been taken. */
  #endRequest(
    response: CgiResponseStream,
    protocolStatus: ProtocolStatus,
    appStatus: number,
  ): void {
    if (this.#isEnded) return
    this.#isEnded = true
    if (response.isDrained) {
      this.#stderr?.end()
      this.#request.end(protocolStatus, appStatus)
      return
    }
    response.onWritable(() => {
      this.#stderr?.end()
      this.#request.end(protocolStatus, appStatus)
    })
  }

  #breakOff(): void {
    this.#isEnded = true
    this.#stderr?.end()
    this.#request.breakOff(1)
  }

  #open(): CgiResponseStream {
    this.#response ??= new CgiResponseStream(this.#request.stdout, this)
    return this.#response
  }

  #writeAccess(
    status: number,
    code: FailureCode | undefined,
    report: GuestReport | undefined,
  ): void {
    this.#gateway.onEnded?.()
    const { accessLog } = this.tenant ?? this.#gateway
    if (accessLog === undefined) return
    const { clock } = this.#gateway
    const { startMs } = this
    const end = { status, code, report }
    accessLog(new RequestEntry(this, end, { response: this.#response, clock, startMs }))
  }
}

function describeOutcome({ outcome }: GuestReport): string {
  switch (outcome.kind) {
    case 'exited':
      return `the guest ended with ${outcome.code}`
    case 'trapped':
      return `the guest trapped: ${outcome.message}`
    case 'killed':
      return `the guest was stopped: ${outcome.reason}`
  }
}

function codeOf(error: unknown): FailureCode {
  if (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    isFailureCode(error.code)
  ) {
    return error.code
  }
  return 'INTERNAL'
}

function isFailureCode(code: string): code is FailureCode {
  return /^(?:CGI|COMPONENT|FASTCGI|GATEWAY|GUEST|OUTCOME|POOL|STORE|WASM)_/.test(code)
}

/** The methods that a refused request could have had. */
function allowOf(error: unknown): string | undefined {
  const isAllowed = error instanceof GatewayError && error.code === 'GATEWAY_WRONG_METHOD'
  return isAllowed ? String(error.details?.['allow']) : undefined
}
