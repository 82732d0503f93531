/** Facts about the machine and the programs measured, so that figures can be read later. */
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { findProgram, outputOf } from './process.ts'

export interface MachineFacts {
  readonly date: string
  readonly cores: number
  readonly cpu: string
  readonly memoryBytes: number
  readonly kernel: string
  /** One-minute load average before the run: much over 0 means somebody else was working too. */
  readonly loadBefore: number
  readonly versions: Readonly<Record<string, string>>
}

/** Reads them now. */
export function machineFacts(): MachineFacts {
  return {
    date: new Date().toISOString(),
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? 'unknown',
    memoryBytes: totalmem(),
    kernel: release(),
    loadBefore: loadavg()[0] ?? 0,
    versions: {
      node: process.version,
      nginx: versionOf(['nginx'], ['-v']),
      'php-fpm': versionOf(['php-fpm8.2', 'php-fpm'], ['-v']),
      fcgiwrap: versionOf(['fcgiwrap'], ['-h']),
      'node-fastcgi': nodeFastcgiVersion(),
      wrk: versionOf(['wrk'], ['-v']),
    },
  }
}

function versionOf(names: readonly string[], args: readonly string[]): string {
  const program = findProgram(...names)
  if (program === undefined) return 'missing'
  // Some print their version and exit with a failure: only the text counts.
  const text = outputOf('sh', ['-c', '"$0" "$@"; true', program, ...args])
  return /\d+(?:\.\d+)+/.exec(text)?.[0] ?? 'unknown'
}

function nodeFastcgiVersion(): string {
  const manifest = join(import.meta.dirname, '../../node_modules/node-fastcgi/package.json')
  try {
    const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
    return version
  } catch {
    return 'missing'
  }
}
