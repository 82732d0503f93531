/**
 * Where log lines leave the process, so that nobody has to wait: a pipe, a terminal, a device or a FIFO is written to without
 * blocking, a socket is sent what it takes at once, and a file is written to by a thread of the pool, one file at a time: a disk
 * that hangs holds one thread.
 */
import {
  close,
  constants,
  fstatSync,
  ftruncate,
  open,
  readFileSync,
  type Stats,
  write,
  writeSync,
} from 'node:fs'
import { promisify } from 'node:util'
import { loadLibc } from './libc.ts'
import { isStream, isUnblocked, type StandardStream } from './log-streams.ts'

export interface LogPort {
  /** Bytes of whole lines that one write may have; a longer line is written alone. */
  readonly batchBytes: number
  /** Writes some of `bytes`, from the start. Throws or rejects what the system says; EAGAIN: not now. */
  write(bytes: Uint8Array): number | Promise<number>
  /** The last words of a process that ends. Throws what the system says. */
  writeLast(bytes: Uint8Array): number
  close(): void
}

/** What processes write to the same pipe stays in one piece up to so many bytes (`PIPE_BUF`). */
const PIPE_BATCH_BYTES = 4096

const FILE_BATCH_BYTES = 64 * 1024

const NEWLINE = 0x0a

const OPEN_FLAGS =
  constants.O_WRONLY |
  constants.O_APPEND |
  constants.O_CREAT |
  constants.O_NONBLOCK | // a FIFO without a reader is an error, and not a wait
  constants.O_NOCTTY

/** Created with this mode. */
const FILE_MODE = 0o640

const openFile = promisify(open)
const writeFile = promisify(write)
const truncateFile = promisify(ftruncate)

/** Lets one operation after the other go to the pool. */
class Turns {
  #last: Promise<unknown> = Promise.resolve()
  /** Operations that have not ended. */
  waiting = 0

  take<Result>(operation: () => Promise<Result>): Promise<Result> {
    this.waiting += 1
    const done = this.#last.then(operation, operation).finally(() => {
      this.waiting -= 1
    })
    this.#last = done
    return done
  }
}

const fileTurns = new Turns()
const streamTurns = new Turns()

/** Whether a thread of the pool is writing: a process whose thread hangs cannot end in the ordinary way. */
export function isPoolWriting(): boolean {
  return fileTurns.waiting + streamTurns.waiting > 0
}

/** For an inherited descriptor. Throws what the system says. */
export function streamPort(fd: StandardStream): LogPort {
  const stats = fstatSync(fd)
  const isAppending = (flagsOf(fd) & constants.O_APPEND) !== 0
  if (stats.isSocket() && loadLibc() !== undefined) return socketPort(fd)
  if (isStream(stats) && isUnblocked(fd)) return nonBlockingPort(fd, stats)
  return poolPort(fd, { turns: stats.isFile() ? fileTurns : streamTurns, isAppending })
}

/** Opens a file, or a FIFO or device that has a name. Rejects with what the system says. */
export async function openLogPort(path: string): Promise<LogPort> {
  const fd = await fileTurns.take(() => openFile(path, OPEN_FLAGS, FILE_MODE))
  const stats = fstatSync(fd)
  const port = isStream(stats)
    ? nonBlockingPort(fd, stats)
    : poolPort(fd, { turns: fileTurns, isAppending: true })
  return { ...port, close: () => close(fd, () => undefined) }
}

/** Of an open file description; where that may not be looked at, none. */
function flagsOf(fd: number): number {
  try {
    const [, octal = '0'] =
      /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')) ?? []
    return Number.parseInt(octal, 8)
  } catch {
    return 0 // no /proc
  }
}

function nonBlockingPort(fd: number, stats: Stats): LogPort {
  const write = (bytes: Uint8Array): number => {
    if (bytes.length > PIPE_BATCH_BYTES && stats.isFIFO() && !hasRoom(fd, bytes.length))
      throw again()
    return writeSync(fd, bytes)
  }
  return { batchBytes: PIPE_BATCH_BYTES, write, writeLast: write, close: () => undefined }
}

function socketPort(fd: number): LogPort {
  const write = (bytes: Uint8Array): number => {
    const sent = loadLibc()?.sendNow(fd, bytes) ?? -1
    if (sent < 0) throw again()
    return sent
  }
  return { batchBytes: PIPE_BATCH_BYTES, write, writeLast: write, close: () => undefined }
}

function poolPort(
  fd: number,
  { turns, isAppending }: { readonly turns: Turns; readonly isAppending: boolean },
): LogPort {
  return {
    batchBytes: FILE_BATCH_BYTES,
    write: (bytes) =>
      turns.take(async () => {
        const { bytesWritten } = await writeFile(fd, bytes, 0, bytes.length, null)
        if (bytesWritten === bytes.length || !isAppending) return bytesWritten
        return takeBackPart(fd, bytes, bytesWritten)
      }),
    // After one that hangs it would hang as well.
    writeLast: (bytes) => {
      if (turns.waiting > 0) throw again()
      return writeSync(fd, bytes)
    },
    close: () => undefined,
  }
}

/** The disk is full in the middle of a line: what is there of it goes, so that the next one does not follow it. */
async function takeBackPart(fd: number, bytes: Uint8Array, written: number): Promise<number> {
  const whole = bytes.lastIndexOf(NEWLINE, written - 1) + 1
  await truncateFile(fd, fstatSync(fd).size - (written - whole))
  return whole
}

const FIONREAD = 0x541bn
const PIPE_PAGES = 16
const PAGE_BYTES = 4096

/**
 * Whether a pipe of the usual size takes so many bytes in one piece, as far as can be told: those in it may have left half of
 * each page unused. One that is empty takes what it can.
 */
function hasRoom(fd: number, bytes: number): boolean {
  const filled = new Uint8Array(new ArrayBuffer(4))
  const failed = loadLibc()?.ioctl(fd, FIONREAD, filled) !== 0
  const inside = new DataView(filled.buffer).getInt32(0, true)
  if (failed || inside === 0) return true
  const free = PIPE_PAGES - 1 - Math.ceil((2 * inside) / PAGE_BYTES)
  return Math.ceil(bytes / PAGE_BYTES) < free
}

function again(): Error {
  return Object.assign(new Error('EAGAIN: not now'), { code: 'EAGAIN' })
}
