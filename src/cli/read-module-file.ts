/**
 * Reads a module that is named on the command line. It may be a tenant's file, so it is opened as those are: nobody waits for a FIFO,
 * and its size is known before any of it is read. A stream is read only where the shell has handed it over.
 */
import { closeSync, openSync, readSync, realpathSync } from 'node:fs'
import { nameSubject } from '../base/name-subject.ts'
import { OpenError, type OpenErrorCode, openFile } from '../base/opened-file.ts'
import { checkModuleBytes } from '../guest/guest-module.ts'
import { WasmError } from '../wasm/errors.ts'
import { CliError } from './errors.ts'

/** `command < FILE`, `command <(other)`. */
const HANDED_OVER = /^\/dev\/(?:stdin|fd\/\d+)$|^\/proc\/self\/fd\/\d+$/
/** There is something, and rights to read it would not help. */
const NO_FILE: ReadonlySet<OpenErrorCode> = new Set(['OPEN_WRONG_KIND', 'OPEN_SPECIAL'])
const STEP_BYTES = 1024 * 1024

/** Throws `CliError` (CLI_UNREADABLE, CLI_NO_MODULE), `WasmError` (WASM_LIMIT_EXCEEDED) for one that is too large. */
export function readModuleFile(path: string): Uint8Array<ArrayBuffer> {
  const read = HANDED_OVER.test(path)
    ? () => unlessUnreadable(path, () => readStream(path))
    : () => readFile(path)
  return Buffer.concat(nameSubject(path, read))
}

function readFile(path: string): readonly Uint8Array[] {
  using file = unlessUnreadable(path, () => openFile(realpathSync(path), path))
  checkModuleBytes(file.stats.size)
  return unlessUnreadable(path, () => readAll(file.fd))
}

function readStream(path: string): readonly Uint8Array[] {
  const fd = openSync(path, 'r')
  try {
    return readAll(fd)
  } finally {
    closeSync(fd)
  }
}

/** To its end, or to where it is larger than a module may be. */
function readAll(fd: number): readonly Uint8Array[] {
  const parts: Uint8Array[] = []
  for (let bytes = 0; ; ) {
    const part = new Uint8Array(STEP_BYTES)
    const length = readSync(fd, part)
    if (length === 0) return parts
    parts.push(part.subarray(0, length))
    bytes += length
    checkModuleBytes(bytes)
  }
}

function unlessUnreadable<Result>(path: string, work: () => Result): Result {
  try {
    return work()
  } catch (cause) {
    if (cause instanceof WasmError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    const message =
      cause instanceof OpenError ? reason : `Cannot read ${path}: ${reason}, wanted a module`
    const code =
      cause instanceof OpenError && NO_FILE.has(cause.code) ? 'CLI_NO_MODULE' : 'CLI_UNREADABLE'
    throw new CliError(code, message, { cause })
  }
}
