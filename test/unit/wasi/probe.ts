/**
 * A guest that exports every function of preview 1 as it imports it, and the host below it, for calling them one by one.
 *
 * Its one page of memory is filled with '?', so that a byte too many or too few shows.
 */
import type { ByteSink, ByteSource } from '../../../src/base/byte-stream.ts'
import { NOTHING_YET } from '../../../src/base/byte-stream.ts'
import { BEYOND, PREVIEW1 } from '../../../src/wasi/abi.ts'
import { WasiHost } from '../../../src/wasi/host.ts'
import { promising } from '../../../src/wasi/jspi.ts'
import { ALL_RIGHTS } from '../../../src/wasi/rights.ts'
import { DEFAULT_WASI_LIMITS, type WasiGrants } from '../../../src/wasi/session.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { wat } from '../../support/wat.ts'

/** Parameters of each function (i: i32, I: i64); all but proc_exit return an i32. */
export const SIGNATURES: Readonly<Record<string, string>> = {
  args_get: 'ii',
  args_sizes_get: 'ii',
  clock_res_get: 'ii',
  clock_time_get: 'iIi',
  environ_get: 'ii',
  environ_sizes_get: 'ii',
  fd_advise: 'iIIi',
  fd_allocate: 'iII',
  fd_close: 'i',
  fd_datasync: 'i',
  fd_fdstat_get: 'ii',
  fd_fdstat_set_flags: 'ii',
  fd_fdstat_set_rights: 'iII',
  fd_filestat_get: 'ii',
  fd_filestat_set_size: 'iI',
  fd_filestat_set_times: 'iIIi',
  fd_pread: 'iiiIi',
  fd_prestat_dir_name: 'iii',
  fd_prestat_get: 'ii',
  fd_pwrite: 'iiiIi',
  fd_read: 'iiii',
  fd_readdir: 'iiiIi',
  fd_renumber: 'ii',
  fd_seek: 'iIii',
  fd_sync: 'i',
  fd_tell: 'ii',
  fd_write: 'iiii',
  path_create_directory: 'iii',
  path_filestat_get: 'iiiii',
  path_filestat_set_times: 'iiiiIIi',
  path_link: 'iiiiiii',
  path_open: 'iiiiiIIii',
  path_readlink: 'iiiiii',
  path_remove_directory: 'iii',
  path_rename: 'iiiiii',
  path_symlink: 'iiiii',
  path_unlink_file: 'iii',
  poll_oneoff: 'iiii',
  proc_exit: 'i',
  proc_raise: 'i',
  random_get: 'ii',
  sched_yield: '',
  sock_accept: 'iii',
  sock_recv: 'iiiiii',
  sock_send: 'iiiii',
  sock_shutdown: 'ii',
}

/** The same of `wasm_fpm`. */
export const BEYOND_SIGNATURES: Readonly<Record<string, string>> = {
  access: 'iiii',
  alarm: 'iii',
  chmod: 'iiii',
  create_mode: 'i',
  fiber_new: 'ii',
  fiber_switch: 'i',
  filter_input: 'i',
  finish_request: 'i',
  flock: 'ii',
  fstat: 'ii',
  space: 'iiii',
  stat: 'iiiii',
}

export const FILL = 0x3f

function probeText(): string {
  const type = (letter: string): string => (letter === 'I' ? 'i64' : 'i32')
  const imports: string[] = []
  const functions: string[] = []
  const all = [
    ...Object.entries(SIGNATURES).map(([name, letters]) => [PREVIEW1, name, letters] as const),
    ...Object.entries(BEYOND_SIGNATURES).map(([name, letters]) => [BEYOND, name, letters] as const),
  ]
  for (const [module, name, letters] of all) {
    const params = [...letters].map((letter) => `(param ${type(letter)})`).join(' ')
    const result = name === 'proc_exit' ? '' : '(result i32)'
    const gets = [...letters].map((_, index) => `local.get ${index}`).join(' ')
    imports.push(`(import "${module}" "${name}" (func $${name} ${params} ${result}))`)
    functions.push(`(func (export "${name}") ${params} ${result} ${gets} call $${name})`)
  }
  return `(module ${imports.join('\n')} (memory (export "memory") 1)
    (func (export "grow") (result i32) i32.const 1 memory.grow)
    ${functions.join('\n')})`
}

const probeModule = WebAssembly.compile(wat(probeText()))

/** A source fed by hand. */
export class FakeSource implements ByteSource {
  readonly #chunks: Uint8Array[] = []
  #hasEnded = false
  #wake: (() => void) | undefined

  read(maxBytes: number): Uint8Array | undefined {
    const chunk = this.#chunks.shift()
    if (chunk === undefined) return this.#hasEnded ? undefined : NOTHING_YET
    if (chunk.length > maxBytes) this.#chunks.unshift(chunk.subarray(maxBytes))
    return chunk.subarray(0, maxBytes)
  }

  onReadable(wake: () => void): void {
    this.#wake = wake
    if (this.#chunks.length > 0 || this.#hasEnded) this.#wakeUp()
  }

  push(text: string): this {
    this.#chunks.push(Buffer.from(text))
    this.#wakeUp()
    return this
  }

  end(): this {
    this.#hasEnded = true
    this.#wakeUp()
    return this
  }

  #wakeUp(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}

/** A sink with room for so many bytes. */
export class FakeSink implements ByteSink {
  text = ''
  #room: number
  #wake: (() => void) | undefined

  constructor(room = Number.POSITIVE_INFINITY) {
    this.#room = room
  }

  write(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, this.#room)
    this.text += Buffer.from(bytes.subarray(0, taken)).toString('latin1')
    this.#room -= taken
    return taken
  }

  onWritable(wake: () => void): void {
    this.#wake = wake
    this.makeRoom(0)
  }

  makeRoom(bytes: number): void {
    this.#room += bytes
    if (this.#room === 0) return
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  end(): void {}
}

export class Probe {
  readonly host = new WasiHost(new Set(Object.keys({ ...SIGNATURES, ...BEYOND_SIGNATURES })))
  readonly memory: WebAssembly.Memory
  readonly #exports: WebAssembly.Exports

  constructor(module: WebAssembly.Module) {
    const { exports } = new WebAssembly.Instance(module, {
      [PREVIEW1]: this.host.imports,
      [BEYOND]: this.host.imports,
    })
    this.#exports = exports
    const { memory } = exports
    this.memory = memory as WebAssembly.Memory
    this.host.attach(this.memory)
    this.wipe()
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.memory.buffer)
  }

  get view(): DataView {
    return new DataView(this.memory.buffer)
  }

  wipe(): void {
    this.bytes.fill(FILL)
  }

  /** Calls a function of preview 1 from inside the guest. */
  call(name: string, ...args: (number | bigint)[]): Promise<number> {
    const exported = this.#exports[name] as (...args: (number | bigint)[]) => number
    return promising(exported)(...args)
  }

  /** Puts text somewhere and returns pointer and length, as paths are passed. */
  put(at: number, text: string): [pointer: number, length: number] {
    const bytes = Buffer.from(text)
    this.bytes.set(bytes, at)
    return [at, bytes.length]
  }

  /** Puts a list of buffers at `at`: pairs of pointer and length. */
  iovecs(at: number, ...pairs: number[]): [pointer: number, count: number] {
    pairs.forEach((value, index) => {
      this.view.setUint32(at + index * 4, value, true)
    })
    return [at, pairs.length / 2]
  }

  text(at: number, length: number): string {
    return Buffer.from(this.bytes.slice(at, at + length)).toString('latin1')
  }

  u32(at: number): number {
    return this.view.getUint32(at, true)
  }

  u64(at: number): bigint {
    return this.view.getBigUint64(at, true)
  }

  /** Opens a path below a descriptor with all rights unless told otherwise; the errno, and at 60,000 the descriptor. */
  async open(fd: number, path: string, options: OpenOptions = {}): Promise<OpenResult> {
    const {
      oflags = 0,
      rights = READ_WRITE,
      inheriting = ALL_RIGHTS,
      fdflags = 0,
      follow = 1,
    } = options
    const [pointer, length] = this.put(50_000, path)
    const errno = await this.call(
      'path_open',
      fd,
      follow,
      pointer,
      length,
      oflags,
      BigInt(rights),
      BigInt(inheriting),
      fdflags,
      60_000,
    )
    return { errno, fd: errno === 0 ? this.u32(60_000) : -1 }
  }

  /** Calls a function whose arguments are a descriptor and a path. */
  onPath(name: string, fd: number, path: string, ...rest: (number | bigint)[]): Promise<number> {
    return this.call(name, fd, ...this.put(50_000, path), ...rest)
  }

  /** Writes text to a descriptor; the errno, or minus how much was written. */
  async write(fd: number, text: string): Promise<number> {
    const errno = await this.call(
      'fd_write',
      fd,
      ...this.iovecs(40_000, ...this.put(41_000, text)),
      40_500,
    )
    return errno === 0 ? -this.u32(40_500) : errno
  }

  /** Reads up to 1,000 bytes from a descriptor; an errno or the text. */
  async read(fd: number): Promise<number | string> {
    const errno = await this.call('fd_read', fd, ...this.iovecs(40_000, 41_000, 1_000), 40_500)
    return errno === 0 ? this.text(41_000, this.u32(40_500)) : errno
  }
}

interface OpenOptions {
  readonly oflags?: number
  readonly rights?: number
  readonly inheriting?: number
  readonly fdflags?: number
  readonly follow?: number
}

interface OpenResult {
  readonly errno: number
  readonly fd: number
}

/** Rights to open a file for reading, and for everything. */
export const READ = 1 << 1
export const READ_WRITE: number = ALL_RIGHTS & ~(1 << 14)

/** Grants with nothing in them but what is given. */
export function makeGrants(given: Partial<WasiGrants> = {}): WasiGrants {
  return {
    args: [],
    env: [],
    stdin: new FakeSource().end(),
    stdout: new FakeSink(),
    stderr: new FakeSink(),
    preopens: [],
    clock: new FakeClock(),
    random: (into) => into.fill(7),
    limits: DEFAULT_WASI_LIMITS,
    ...given,
  }
}

/** A fresh guest with a session begun. */
export async function makeProbe(given: Partial<WasiGrants> = {}): Promise<Probe> {
  const probe = new Probe(await probeModule)
  probe.host.begin(makeGrants(given))
  return probe
}

/** Lets everything that is ready run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
}

/** Whether a promise has settled by now. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let pending = true
  const done = (): void => {
    pending = false
  }
  promise.then(done, done)
  await settle()
  return pending
}
