/**
 * A client of the admin API: one request at a time, over TCP or a unix socket. Knows HTTP and errors, and nothing of what is
 * asked for; the commands' own side is in src/cli/remote.ts.
 */
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { CodedError, type ErrorDetails } from '../base/errors.ts'
import { AdminError } from './errors.ts'

export interface AdminServerAddress {
  /** Without a slash at its end; for a unix socket `http://localhost`. */
  readonly url: URL
  readonly socketPath: string | undefined
}

export interface AdminRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** With the query. */
  readonly path: string
  /** Undefined: none is sent. */
  readonly token: string | undefined
  readonly body?: AdminRequestBody | undefined
}

export interface AdminRequestBody {
  readonly type: string
  /** Sent when the server has said that it wants it. */
  readonly stream: Readable
}

/** Longest answer that is not line by line. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024
/** Longest pause of a stream of events: a server that has nothing to say says so every few seconds. */
const MAX_SILENCE_MS = 60_000
/** Longest line. */
const MAX_LINE_CHARS = 4 * 1024 * 1024

/** `http://host:port`, `https://host` or `unix:PATH`; undefined: it is none. */
export function parseServer(text: string): AdminServerAddress | undefined {
  const socketPath = /^unix:(.+)$/s.exec(text)?.[1]
  if (socketPath !== undefined) return { url: new URL('http://localhost'), socketPath }
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return undefined
  const url = new URL(text)
  const isPlain = url.username === '' && url.search === '' && url.hash === ''
  return isPlain ? { url, socketPath: undefined } : undefined
}

/** The answer as JSON. Rejects with the server's error, ADMIN_UNREACHABLE, ADMIN_STRANGE_ANSWER. */
export async function askServer(
  server: AdminServerAddress,
  request: AdminRequest,
): Promise<unknown> {
  const response = await send(server, request, 'application/json')
  const text = await readText(response, server)
  refuse(response, text, server)
  return parse(text, server)
}

/** The lines of the answer, as they come. Rejects as `askServer` does. */
export async function* askServerForLines(
  server: AdminServerAddress,
  request: AdminRequest,
): AsyncGenerator<unknown> {
  const response = await send(server, request, 'application/x-ndjson')
  const isLines = response.headers['content-type'] === 'application/x-ndjson'
  if (!isLines) {
    const text = await readText(response, server)
    refuse(response, text, server)
    yield parse(text, server)
    return
  }
  for await (const line of linesOf(response, server)) yield parse(line, server)
}

export interface ServerEvent {
  readonly name: string
  readonly value: unknown
}

/** The events of the answer, as they come. Rejects as `askServer` does. */
export async function* askServerForEvents(
  server: AdminServerAddress,
  request: AdminRequest,
): AsyncGenerator<ServerEvent> {
  const response = await send(server, request, 'text/event-stream')
  if (response.headers['content-type'] !== 'text/event-stream') {
    const text = await readText(response, server)
    refuse(response, text, server)
    throw strange(server, 'it sends no events')
  }
  const onSilence = (): void => {
    response.destroy(new Error(`nothing has come for ${MAX_SILENCE_MS} ms`))
  }
  response.setTimeout(MAX_SILENCE_MS, onSilence)
  let name = 'message'
  for await (const line of linesOf(response, server)) {
    const [, field, value = ''] = /^(event|data): ?(.*)$/s.exec(line) ?? []
    if (field === 'event') name = value
    if (field === 'data') yield { name, value: parse(value, server) }
  }
}

async function* linesOf(
  response: IncomingMessage,
  server: AdminServerAddress,
): AsyncGenerator<string> {
  let rest = ''
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      const lines = (rest + String(chunk)).split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > MAX_LINE_CHARS) throw strange(server, 'it sends a line without end')
      for (const line of lines) yield line
    }
  } catch (cause) {
    if (cause instanceof CodedError) throw cause
    throw unreachable(server, cause)
  }
}

async function send(
  server: AdminServerAddress,
  { method, path, token, body }: AdminRequest,
  accept: string,
): Promise<IncomingMessage> {
  const { url, socketPath } = server
  const options: RequestOptions = {
    method,
    path: `${url.pathname.replace(/\/$/, '')}${path}`,
    headers: {
      accept,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': body.type, expect: '100-continue' }),
    },
    ...(socketPath === undefined ? {} : { socketPath }),
  }
  const make = url.protocol === 'https:' ? httpsRequest : httpRequest
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const request = make(url, options)
  request.on('response', resolve)
  request.on('error', (cause) => reject(unreachable(server, cause)))
  if (body === undefined) request.end()
  else {
    request.flushHeaders()
    request.on('continue', () => {
      pipeline(body.stream, request).catch((cause: unknown) => {
        // What is wrong with what is sent comes before what the server says about half of it.
        reject(cause instanceof CodedError ? cause : unreachable(server, cause))
        request.destroy()
      })
    })
  }
  return promise
}

async function readText(response: IncomingMessage, server: AdminServerAddress): Promise<string> {
  let text = ''
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      text += String(chunk)
      if (text.length > MAX_ANSWER_BYTES) throw strange(server, 'its answer does not end')
    }
  } catch (cause) {
    if (cause instanceof CodedError) throw cause
    throw unreachable(server, cause)
  }
  return text
}

function parse(text: string, server: AdminServerAddress): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw strange(server, 'it does not answer in JSON', cause)
  }
}

function refuse(response: IncomingMessage, text: string, server: AdminServerAddress): void {
  const status = response.statusCode ?? 0
  if (status >= 200 && status < 300) return
  const error = errorOf(text)
  if (error === undefined) throw strange(server, `it answers ${status} without saying why`)
  throw error
}

/** The error in an answer or a line of one; undefined: there is none. */
export function errorOf(value: unknown): CodedError | undefined {
  let answer = value
  if (typeof value === 'string') {
    try {
      answer = JSON.parse(value)
    } catch {
      return undefined
    }
  }
  const error: unknown = Reflect.get(Object(answer), 'error')
  const [code, message, details]: unknown[] = ['code', 'message', 'details'].map((name) =>
    Reflect.get(Object(error), name),
  )
  if (typeof code !== 'string' || typeof message !== 'string') return undefined
  return new CodedError(code, message, { details: Object(details) as ErrorDetails })
}

function nameOf({ url, socketPath }: AdminServerAddress): string {
  return socketPath === undefined ? url.origin : `unix:${socketPath}`
}

function unreachable(server: AdminServerAddress, cause: unknown): AdminError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new AdminError(
    'ADMIN_UNREACHABLE',
    `Cannot reach ${nameOf(server)}: ${reason}, wanted the admin API of a wasm-fpm that runs`,
    { cause },
  )
}

function strange(server: AdminServerAddress, problem: string, cause?: unknown): AdminError {
  return new AdminError(
    'ADMIN_STRANGE_ANSWER',
    `Cannot understand ${nameOf(server)}: ${problem}, wanted the admin API of a wasm-fpm`,
    { cause },
  )
}
