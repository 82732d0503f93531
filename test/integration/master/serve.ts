/** Starts `wasm-fpm serve` in a folder of its own, and asks it things like a web server that keeps its connections. */
import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { onTestFinished } from 'vitest'
import { PROGRAM } from '../../support/program.ts'

const GUESTS = resolve('build/guests/as')
const READY_MS = 60_000

export const READY = /"msg":"ready"/

export interface Serving {
  readonly folder: string
  readonly socket: string
  readonly child: ChildProcess
  /** Everything it has logged. */
  log(): string
  /** Resolves with the first match that is logged after `from` characters. */
  logged(pattern: RegExp, from?: number): Promise<string>
  writeConfig(text: string): void
  /** Runs `wasm-fpm NAME --config FILE`. */
  command(
    name: string,
  ): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>
  /** Process ids of its workers. */
  workers(): number[]
  /** Resolves with the exit code. */
  readonly exit: Promise<number | null>
}

/** Has something done at the end of a test, or of several. */
export type AtEnd = (end: () => void | Promise<void>) => void

/** A folder with the sample guests, readable for everybody, removed when the test is over. */
export function makeFolder(atEnd: AtEnd = onTestFinished): string {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-master-'))
  chmodSync(folder, 0o755)
  for (const name of ['hello', 'slow', 'echo'])
    copyFileSync(join(GUESTS, `${name}.wasm`), join(folder, `${name}.wasm`))
  atEnd(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** One pool with two workers on `www.sock`, and one tenant for every host. */
export function configText(folder: string, { pool = '', tenant = '', top = '' } = {}): string {
  return `${top}
[[pool]]
name = "www"
listen = ["${folder}/www.sock"]
${pool.includes('workers') ? '' : 'workers = 2'}
${pool}
[[tenant]]
name = "site"
pool = "www"
hosts = ["*"]
root = "${folder}"
${tenant.includes('access_log') ? '' : 'access_log = "stderr"'}
${tenant}
`
}

export interface StartOptions {
  readonly folder?: string
  readonly config?: string
  /** The program and its arguments, given those that start wasm-fpm. Default: just that. */
  readonly through?: (command: readonly string[]) => readonly string[]
  readonly spawn?: SpawnOptions
  /** When it is killed. Default: at the end of the test. */
  readonly atEnd?: AtEnd
}

/** Starts it and waits until it is ready; `READY` may not come when it is meant to fail: see `launch`. */
export async function serve(options: StartOptions = {}): Promise<Serving> {
  const serving = launch(options)
  await serving.logged(READY)
  return serving
}

export function launch({
  folder = makeFolder(),
  config,
  through = (all) => all,
  spawn: more = {},
  atEnd = onTestFinished,
}: StartOptions = {}): Serving {
  const file = join(folder, 'wasm-fpm.toml')
  writeFileSync(file, config ?? configText(folder))
  // As bin/wasm-fpm.js does.
  const started = [process.execPath, ...PROGRAM]
  const [program = '', ...args] = through([...started, 'serve', '--config', file])
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...more })
  let text = ''
  const watchers = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      for (const watcher of watchers) watcher()
    })
  }
  const exit = once(child, 'close').then(([code]) => code as number | null)
  void exit.then(() => {
    for (const watcher of watchers) watcher()
  })
  atEnd(async () => {
    const pids = childrenOf(child.pid ?? -1)
    child.kill('SIGKILL')
    for (const pid of pids) process.kill(pid, 'SIGKILL')
    await exit
  })
  return {
    folder,
    socket: join(folder, 'www.sock'),
    child,
    log: () => text,
    logged: (pattern, from = 0) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no ${pattern} in: ${text}`)), READY_MS)
        const look = (): void => {
          const match = pattern.exec(text.slice(from))
          if (match === null && child.exitCode === null) return
          clearTimeout(timer)
          watchers.delete(look)
          if (match === null) reject(new Error(`it ended without ${pattern}: ${text}`))
          else resolve(match[0])
        }
        watchers.add(look)
        look()
      }),
    writeConfig: (next) => writeFileSync(file, next),
    command: (name) =>
      new Promise((resolve) => {
        execFile(process.execPath, [...PROGRAM, name, '--config', file], (error, stdout, stderr) =>
          resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
        )
      }),
    workers: () => childrenOf(child.pid ?? -1),
    exit,
  }
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => statOf(pid)?.[3] === String(parent))
}

/** `pid (name) state parent ...`, split; undefined: no such process, or a dead one. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/\(.*\)/s, '-')
      .split(' ')
    return fields[2] === 'Z' ? undefined : fields
  } catch {
    return undefined
  }
}

export interface Answer {
  /** `Status:`, or 200. */
  readonly status: number
  readonly body: string
}

/** A connection that is kept, one request at a time. */
export class Client {
  readonly #socket: Socket
  readonly #params: Readonly<Record<string, string>>
  #bytes = Buffer.alloc(0)
  #settle: ((answer: Answer | Error) => void) | undefined
  /** Whether the server has closed the connection. */
  isOver = false

  /** `target`: the path of a unix socket, or a port of 127.0.0.1. `params`: of each request. */
  constructor(target: string | number, params: Readonly<Record<string, string>> = {}) {
    this.#params = params
    this.#socket = connect(
      typeof target === 'string' ? { path: target } : { host: '127.0.0.1', port: target },
    )
    this.#socket.on('data', this.#receive)
    for (const event of ['end', 'error', 'close']) this.#socket.on(event, this.#lose)
  }

  close(): void {
    this.#socket.destroy()
  }

  /** `more`: other parameters. Rejects when the connection ends before the answer does. */
  get(script: string, query = '', more: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.#ask(request(script, { query, params: { ...this.#params, ...more } }))
  }

  /** As `get`. */
  post(
    script: string,
    input: string,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const own = { REQUEST_METHOD: 'POST', CONTENT_LENGTH: String(Buffer.byteLength(input)) }
    return this.#ask(request(script, { input, params: { ...this.#params, ...own, ...more } }))
  }

  #ask(bytes: Buffer): Promise<Answer> {
    this.#socket.write(bytes)
    return new Promise((resolve, reject) => {
      this.#settle = (answer) => (answer instanceof Error ? reject(answer) : resolve(answer))
      if (this.isOver) this.#lose()
    })
  }

  readonly #receive = (chunk: Buffer): void => {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    const stdout: Buffer[] = []
    for (let at = 0; at + 8 <= this.#bytes.length; ) {
      const length = this.#bytes.readUInt16BE(at + 4)
      const type = this.#bytes[at + 1]
      if (type === 6) stdout.push(this.#bytes.subarray(at + 8, at + 8 + length))
      at += 8 + length + (this.#bytes[at + 6] ?? 0)
      if (type !== 3 || at > this.#bytes.length) continue
      this.#bytes = this.#bytes.subarray(at)
      this.#answer(Buffer.concat(stdout).toString())
      return
    }
  }

  #answer(text: string): void {
    const settle = this.#settle
    this.#settle = undefined
    const status = Number(/^Status: (\d{3})/im.exec(text)?.[1] ?? 200)
    settle?.({ status, body: text.slice(text.indexOf('\r\n\r\n') + 4) })
  }

  readonly #lose = (): void => {
    this.isOver = true
    this.#settle?.(new Error('the connection ended before the answer did'))
    this.#settle = undefined
    this.#socket.destroy()
  }
}

/** A whole GET request with FCGI_KEEP_CONN, by hand. */
interface Asked {
  readonly query?: string
  readonly params: Readonly<Record<string, string>>
  readonly input?: string
}

function request(script: string, { query = '', params: more, input = '' }: Asked): Buffer {
  const params = {
    REQUEST_METHOD: 'GET',
    SCRIPT_NAME: `/${script}`,
    REQUEST_URI: `/${script}?${query}`,
    QUERY_STRING: query,
    SERVER_PROTOCOL: 'HTTP/1.1',
    HTTP_HOST: 'site.example',
    ...more,
  }
  const pairs = Object.entries(params).map(([name, value]) =>
    Buffer.concat([lengthOf(name), lengthOf(value), Buffer.from(name + value)]),
  )
  return Buffer.concat([
    record(1, Buffer.from([0, 1, 1, 0, 0, 0, 0, 0])),
    record(4, Buffer.concat(pairs)),
    record(4, Buffer.alloc(0)),
    ...(input === '' ? [] : [record(5, Buffer.from(input))]),
    record(5, Buffer.alloc(0)),
  ])
}

function lengthOf({ length }: string): Buffer {
  return Buffer.from(length < 128 ? [length] : [128, 0, length >> 8, length & 255])
}

function record(type: number, content: Buffer): Buffer {
  const header = [1, type, 0, 1, content.length >> 8, content.length & 255, 0, 0]
  return Buffer.concat([Buffer.from(header), content])
}

export interface Load {
  readonly answered: number
  readonly failures: readonly string[]
  /** Connections that were opened. */
  readonly connections: number
  /** Ends it and resolves when the last answer is there. */
  stop(): Promise<void>
}

/**
 * Asks for `hello.wasm` over `width` kept connections, again and again; a connection closed while idle is opened again.
 * `pauseMs`: between an answer and the next request, so that there is something left for others.
 */
export function startLoad(path: string, width: number, pauseMs = 0): Load {
  let isOver = false
  const load = { answered: 0, failures: [] as string[], connections: 0 }
  const loop = async (): Promise<void> => {
    let client: Client | undefined
    while (!isOver) {
      if (client === undefined || client.isOver) {
        client = new Client(path)
        load.connections += 1
      }
      try {
        const { status } = await client.get('hello.wasm')
        if (status === 200) load.answered += 1
        else load.failures.push(`status ${status}`)
      } catch (error) {
        load.failures.push(String(error))
      }
      // The end of a connection that comes right behind an answer is seen before the next request.
      await new Promise((resolve) =>
        pauseMs === 0 ? setImmediate(resolve) : setTimeout(resolve, pauseMs),
      )
    }
    client?.close()
  }
  const loops = Array.from({ length: width }, loop)
  return Object.assign(load, {
    stop: async () => {
      isOver = true
      await Promise.all(loops)
    },
  })
}
