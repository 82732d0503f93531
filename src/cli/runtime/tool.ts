/** Runs the programs that a build needs. What they print goes into the build's log; nothing of theirs is asked of a terminal. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { BuildLog } from './build-log.ts'

export interface ToolOptions {
  readonly cwd?: string
  /** Beside our own. */
  readonly env?: Readonly<Record<string, string>>
  readonly log: BuildLog
  readonly onLine?: (line: string) => void
}

const running = new Set<ChildProcess>()

/** Ends what is running, with all that it has started. */
export function endTools(): void {
  for (const { pid } of running) {
    try {
      if (pid !== undefined) process.kill(-pid, 'SIGTERM')
    } catch {
      // It has just ended.
    }
  }
}

/** What it has printed on standard output. Rejects with what went wrong, and how it says so itself. */
export function runTool(
  program: string,
  args: readonly string[],
  { cwd, env, log, onLine }: ToolOptions,
): Promise<string> {
  log.write(`$ ${[program, ...args].join(' ')}`)
  const child = spawn(program, args, {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, LC_ALL: 'C', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  running.add(child)
  const printed: string[] = []
  let complaint = ''
  createInterface({ input: child.stdout }).on('line', (line) => {
    printed.push(line)
    log.write(line)
    onLine?.(line)
  })
  createInterface({ input: child.stderr }).on('line', (line) => {
    log.write(line)
    // The first one is what it is about; if none looks like one, the last line.
    if (!isComplaint(complaint)) complaint = line
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      running.delete(child)
      if (code === 0) return resolve(printed.join('\n'))
      const how = signal === null ? `exited with ${code}` : `was ended by ${signal}`
      const why = complaint === '' ? '' : `: ${complaint.slice(0, MOST_CHARS)}`
      return reject(new Error(`${program} ${how}${why}`))
    })
  })
}

/** Of what a program complains of, in a message. */
const MOST_CHARS = 300

/** Compilers and make go on after it, and say less. */
function isComplaint(line: string): boolean {
  return /\berror:|^E: /.test(line)
}
