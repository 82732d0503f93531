/** Reads a module that is named on the command line. */
import { readFileSync } from 'node:fs'
import { CliError } from './errors.ts'

/** Throws `CliError` (CLI_UNREADABLE). */
export function readModuleFile(path: string): Uint8Array<ArrayBuffer> {
  try {
    return readFileSync(path)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CliError('CLI_UNREADABLE', `Cannot read ${path}: ${reason}, wanted a module`, {
      cause,
    })
  }
}
