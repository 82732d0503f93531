/** Where builds keep what they have fetched and made, and who is at it. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { systemCodeOf } from '../../base/errors.ts'
import { CliError } from '../errors.ts'

/** As the XDG base directories have it. */
export function defaultCache(): string {
  const { XDG_CACHE_HOME } = process.env
  const base = XDG_CACHE_HOME?.startsWith('/') === true ? XDG_CACHE_HOME : join(homedir(), '.cache')
  return join(base, 'wasm-fpm/runtimes')
}

/** Makes the folder and holds it for as long as `work` lasts. Rejects with CLI_NOT_WRITABLE, RUNTIME_BUSY. */
export async function withFolder<Result>(
  folder: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const lock = join(folder, 'lock')
  take(folder, lock)
  try {
    return await work()
  } finally {
    rmSync(lock, { force: true })
  }
}

function take(folder: string, lock: string): void {
  try {
    mkdirSync(folder, { recursive: true })
    if (!isHeld(lock)) rmSync(lock, { force: true })
    writeFileSync(lock, `${process.pid}\n`, { flag: 'wx' })
  } catch (cause) {
    const code = systemCodeOf(cause)
    if (code === 'EEXIST')
      throw new CliError(
        'RUNTIME_BUSY',
        `Cannot build in ${folder}: process ${readFileSync(lock, 'utf8').trim()} does so, wanted it to end first, or another folder`,
      )
    throw new CliError(
      'CLI_NOT_WRITABLE',
      `Cannot build in ${folder}: ${code}, wanted a folder that can be written, with room for 1 GB`,
      { cause },
    )
  }
}

/** Of a process that is there; one that has died leaves its lock behind. */
function isHeld(lock: string): boolean {
  try {
    process.kill(Number(readFileSync(lock, 'utf8')), 0)
    return true
  } catch (error) {
    return systemCodeOf(error) === 'EPERM'
  }
}
