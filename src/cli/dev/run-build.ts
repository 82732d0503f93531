/** Runs a build in a process group of its own, so that it can be ended with all that it has started. */
import { type ChildProcess, spawn } from 'node:child_process'
import { CliError } from '../errors.ts'
import type { BuildCommand } from './build-command.ts'

export interface Build {
  /** Resolves when it has succeeded. Rejects with `CliError` (CLI_BUILD_FAILED). */
  readonly done: Promise<void>
  /** Ends it. Idempotent. */
  end(): void
}

/** What a shell, make or npm exits with when there is no such program. */
const NOT_FOUND = 127

/** `output`: where its standard output goes; its complaints go where ours do. */
export function runBuild(
  { program, args, text }: BuildCommand,
  folder: string,
  output: 'stdout' | 'stderr',
): Build {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const fail = (how: string): void =>
    reject(new CliError('CLI_BUILD_FAILED', `Cannot build with \`${text}\`: ${how}`))
  const child = spawn(program, args, {
    cwd: folder,
    stdio: ['ignore', output === 'stdout' ? 1 : 2, 2],
    detached: true,
  })
  child.on('error', (error: NodeJS.ErrnoException) =>
    fail(
      error.code === 'ENOENT'
        ? `there is no ${program} on this machine, wanted it, or another command with --build`
        : error.message,
    ),
  )
  child.on('exit', (code, signal) => {
    if (code === 0) resolve()
    else if (code === NOT_FOUND) {
      fail(
        'a program it names is not on this machine, wanted it: `npm ci` or `make` in its folder may bring it',
      )
    } else fail(signal === null ? `it exited with ${code}` : `it was ended by ${signal}`)
  })
  return { done: promise, end: () => endGroup(child) }
}

function endGroup({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return
  try {
    process.kill(-pid, 'SIGTERM')
  } catch {
    // It has just ended.
  }
}
