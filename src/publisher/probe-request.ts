/** Last step: the handler answers one request, under the limits it will have, before anybody else's gets to it. */

import { randomFillSync } from 'node:crypto'
import type { ByteSink, ByteSource } from '../base/byte-stream.ts'
import type { Clock } from '../base/clock.ts'
import { toWire } from '../base/errors.ts'
import { lastWords } from '../base/last-words.ts'
import { nameValuesOf } from '../base/name-values.ts'
import { percentDecoded } from '../base/percent.ts'
import { TailSink } from '../base/tail-sink.ts'
import { parseEnvironment } from '../cgi/environment.ts'
import { guestEnvironment } from '../cgi/guest-environment.ts'
import { CgiResponseStream, DEFAULT_RESPONSE_LIMITS } from '../cgi/response-stream.ts'
import { bootModule } from '../guest/boot.ts'
import { runToEnd } from '../guest/engine.ts'
import { FaultConduct } from '../guest/fault-conduct.ts'
import type { GuestModule } from '../guest/guest-module.ts'
import { GuestInstance } from '../guest/instance.ts'
import type { GuestReport } from '../guest/job.ts'
import type { ModuleJob } from '../store/publisher-protocol.ts'
import { DeviceDirectory } from '../wasi/device-directory.ts'
import { ImageCache } from '../wasi/image-cache.ts'
import { ImageDirectory } from '../wasi/image-directory.ts'
import { createMemoryDirectory } from '../wasi/memory-directory.ts'
import { DEFAULT_WASI_LIMITS, type Preopen } from '../wasi/session.ts'
import { PublisherError } from './errors.ts'

export interface ProbeAnswer {
  readonly status: number
  readonly contentType: string
  readonly bodyBytes: number
  readonly cpuMs: number
  readonly memoryBytes: number
  readonly stderr: string
}

/** Of what the guest writes to standard error, in bytes: the last ones, as that is where a program says why it failed. */
const STDERR_BYTES = 4096

/** Of a line of that, in characters. */
const MAX_LINE = 300

/** Of its answer, in bytes, for `contains`; the rest is counted and dropped. */
const KEPT_BYTES = 1024 * 1024

/** Rejects with PUBLISHER_PROBE_FAILED, PUBLISHER_PROBE_ANSWER. */
export async function probe(
  module: GuestModule,
  job: ModuleJob,
  clock: Clock,
): Promise<ProbeAnswer> {
  const { probe: request, limits } = job
  const output = new BoundedSink(KEPT_BYTES)
  const errors = new TailSink(STDERR_BYTES)
  const response = new CgiResponseStream(output, {
    method: request.method,
    role: 'responder',
    limits: { ...DEFAULT_RESPONSE_LIMITS, bodyBytes: limits.responseBodyBytes },
    allowedHeaders: new Set(),
    requestId: 'probe',
  })
  const instance = new GuestInstance(await booted(module, job, clock), clock)
  const stdout: ByteSink = {
    write: (bytes) => {
      const taken = response.write(bytes)
      if (response.error !== undefined) instance.kill('rejected')
      return taken
    },
    onWritable: (wake) => response.onWritable(wake),
    end: () => response.end(),
  }
  const body = Buffer.from(request.body, 'utf8')
  const report = await runToEnd(instance, {
    grants: {
      args: [`/${module.name}`],
      env: environmentOf(job, body.length),
      stdin: sourceOf(body),
      stdout,
      stderr: errors,
      preopens: preopensOf(job.imagePath, clock),
      clock,
      random: (into) => randomFillSync(into),
      limits: DEFAULT_WASI_LIMITS,
    },
    cpuMs: limits.cpuMs,
    wallMs: limits.wallMs,
    sliceMs: 1,
    faults: new FaultConduct(clock),
    waitTurn: setImmediate,
    takeTurn: (wake) => wake(),
    onWait: () => response.flush(),
  })
  const failure = response.error?.message ?? describe(report)
  const finished = failure === undefined ? response.finish() : undefined
  const problem = failure ?? (finished?.kind === 'failed' ? finished.error.message : undefined)
  const stderr = errors.text()
  if (problem !== undefined) {
    throw new PublisherError(
      'PUBLISHER_PROBE_FAILED',
      `Cannot publish ${job.name}: ${request.method} ${request.path} failed: ${problem}${quoted(stderr)}, wanted an answer`,
    )
  }
  const head = output.text()
  const end = head.indexOf('\r\n\r\n')
  const answer: ProbeAnswer = {
    status: response.status ?? 200,
    contentType: /^content-type: *(.*?)\r?$/im.exec(head.slice(0, end))?.[1] ?? '',
    bodyBytes: response.bodyBytes,
    cpuMs: report.cpuMs,
    memoryBytes: report.memoryBytes,
    stderr,
  }
  checkAnswer(answer, head.slice(end + 4), job)
  return answer
}

/** What comes before the first request, where there is something. */
async function booted(module: GuestModule, job: ModuleJob, clock: Clock): Promise<GuestModule> {
  if (module.isReactor !== true) return module
  const { env, imagePath, limits, name } = job
  try {
    return await bootModule(module, {
      clock,
      grants: {
        env: Object.entries(env).map((entry) => Buffer.from(entry.join('='))),
        preopens: preopensOf(imagePath, clock),
        random: (into) => randomFillSync(into),
        limits: DEFAULT_WASI_LIMITS,
      },
      cpuMs: limits.cpuMs,
      wallMs: limits.wallMs,
    })
  } catch (cause) {
    throw new PublisherError(
      'PUBLISHER_PROBE_FAILED',
      `Cannot publish ${name}: ${toWire(cause).message}`,
      { cause },
    )
  }
}

function checkAnswer(
  { status, stderr }: ProbeAnswer,
  body: string,
  { name, probe: request }: ModuleJob,
): void {
  const isGood = request.status === undefined ? status < 500 : status === request.status
  const refuse = (actual: string, wanted: string): never => {
    throw new PublisherError(
      'PUBLISHER_PROBE_ANSWER',
      `Cannot publish ${name}: ${request.method} ${request.path} answered ${actual}${quoted(stderr)}, wanted ${wanted}`,
      { details: { status } },
    )
  }
  if (!isGood) refuse(`status ${status}`, `${request.status ?? 'one below 500'}`)
  const text = request.contains
  if (text !== undefined && !body.includes(Buffer.from(text, 'utf8').toString('latin1'))) {
    refuse(
      `without ${JSON.stringify(text.slice(0, 60))} in its first ${KEPT_BYTES} bytes`,
      'that text in the body',
    )
  }
}

function describe({ outcome }: GuestReport): string | undefined {
  switch (outcome.kind) {
    case 'exited':
      return outcome.code === 0 ? undefined : `it ended with code ${outcome.code}`
    case 'trapped':
      return `it trapped: ${outcome.message}`
    case 'killed':
      return `it was stopped: ${outcome.reason}`
  }
}

function quoted(stderr: string): string {
  const line = lastWords(Buffer.from(stderr, 'latin1').toString('utf8'))
  return line === '' ? '' : ` (it said: ${JSON.stringify(line.slice(0, MAX_LINE))})`
}

function environmentOf(
  { env, scriptName, probe: request }: ModuleJob,
  bodyBytes: number,
): string[] {
  const [path = '/', query = ''] = request.path.split(/\?(.*)/s)
  const isBelow = path === scriptName || path.startsWith(`${scriptName}/`)
  const name = isBelow ? scriptName : ''
  const pathInfo = percentDecoded(path.slice(name.length))
  const cgi = parseEnvironment(
    nameValuesOf([
      ['REQUEST_METHOD', request.method],
      ['SCRIPT_NAME', name],
      ['PATH_INFO', pathInfo],
      ['QUERY_STRING', query],
      ['REQUEST_URI', request.path],
      ['SERVER_PROTOCOL', 'HTTP/1.1'],
      ['SERVER_NAME', 'localhost'],
      ['SERVER_PORT', '80'],
      ['REMOTE_ADDR', '127.0.0.1'],
      ['CONTENT_LENGTH', String(bodyBytes)],
      ['HTTP_HOST', 'localhost'],
      ['HTTP_USER_AGENT', 'wasm-fpm publish'],
      ...Object.entries(request.headers).map(headerVariable),
    ]),
  )
  return guestEnvironment(cgi, {
    role: 'responder',
    env,
    documentRoot: '/',
    scriptFilename: name === '' ? '/' : name,
    scriptName: name,
    pathInfo,
    pathTranslated: pathInfo,
  })
}

function headerVariable([header, value]: readonly [string, string]): [string, string] {
  const name = header.toUpperCase().replace(/-/g, '_')
  return [name === 'CONTENT_TYPE' ? name : `HTTP_${name}`, value]
}

function preopensOf(imagePath: string | null, clock: Clock): readonly Preopen[] {
  const image =
    imagePath === null
      ? []
      : [{ guestPath: '/', directory: new ImageDirectory(imagePath, new ImageCache()) }]
  return [
    ...image,
    { guestPath: '/tmp', directory: createMemoryDirectory(clock) },
    { guestPath: '/dev', directory: new DeviceDirectory((into) => randomFillSync(into)) },
  ]
}

function sourceOf(bytes: Uint8Array): ByteSource {
  let at = 0
  return {
    read: (maxBytes) => {
      if (at === bytes.length) return undefined
      const chunk = bytes.subarray(at, at + maxBytes)
      at += chunk.length
      return chunk
    },
    onReadable: (wake) => wake(),
  }
}
/** Keeps the first bytes and swallows the rest. */
class BoundedSink implements ByteSink {
  readonly #maxBytes: number
  readonly #chunks: Buffer[] = []
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  write(bytes: Uint8Array): number {
    const kept = Buffer.from(bytes.subarray(0, this.#maxBytes - this.#bytes))
    if (kept.length > 0) this.#chunks.push(kept)
    this.#bytes += kept.length
    return bytes.length
  }

  onWritable(wake: () => void): void {
    wake()
  }

  end(): void {}

  /** One char a byte. */
  text(): string {
    return Buffer.concat(this.#chunks).toString('latin1')
  }
}
