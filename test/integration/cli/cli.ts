/** Runs the real program, as it is typed. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { PROGRAM } from '../../support/program.ts'

const WAIT_MS = 60_000

export interface Typed {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Resolves when it has ended, with whatever exit code. */
export function type(args: readonly string[], cwd = tmpdir()): Promise<Typed> {
  return new Promise((done) => {
    execFile(process.execPath, [...PROGRAM, ...args], { cwd }, (error, stdout, stderr) =>
      done({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    )
  })
}

export interface Running {
  readonly child: ChildProcess
  /** Everything it has printed, on either stream. */
  text(): string
  /** Resolves with the first match in what it prints after `from` characters. */
  printed(pattern: RegExp, from?: number): Promise<RegExpExecArray>
  /** Resolves with the exit code or the signal. */
  readonly exit: Promise<number | NodeJS.Signals>
}

/** Starts a command that goes on; it is ended with the test. */
export function start(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Running {
  const child = spawn(process.execPath, [...PROGRAM, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
  })
  let text = ''
  const watchers = new Set<() => void>()
  const tell = (): void => {
    for (const watcher of watchers) watcher()
  }
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      tell()
    })
  }
  const exit = once(child, 'close').then(([code, signal]) => code ?? signal)
  void exit.then(tell)
  onTestFinished(async () => {
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), WAIT_MS)
    await exit
    clearTimeout(timer)
  })
  return {
    child,
    exit,
    text: () => text,
    printed: (pattern, from = 0) =>
      new Promise((done, reject) => {
        const timer = setTimeout(() => reject(new Error(`no ${pattern} in: ${text}`)), WAIT_MS)
        const look = (): void => {
          const match = pattern.exec(text.slice(from))
          const isOver = child.exitCode !== null || child.signalCode !== null
          if (match === null && !isOver) return
          clearTimeout(timer)
          watchers.delete(look)
          if (match === null) reject(new Error(`it ended without ${pattern}: ${text}`))
          else done(match)
        }
        watchers.add(look)
        look()
      }),
  }
}

/** A folder that goes away with the test. */
export function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-cli-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
