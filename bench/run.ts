/** `node bench/run.ts [--quick]`, or one part with its own options: `node bench/run.ts component|http|cpu|languages|php|python|speed [ARGS]`. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const PARTS: Readonly<Record<string, string>> = {
  component: join(import.meta.dirname, 'component', 'run.ts'),
  cpu: join(import.meta.dirname, 'cpu', 'run.ts'),
  http: join(import.meta.dirname, 'http', 'run.ts'),
  languages: join(import.meta.dirname, 'languages', 'run.ts'),
  php: join(import.meta.dirname, 'php', 'run.ts'),
  python: join(import.meta.dirname, 'python', 'run.ts'),
  speed: join(import.meta.dirname, 'speed', 'run.ts'),
}
const USAGE = `usage: node bench/run.ts [--quick] | ${Object.keys(PARTS).join('|')} [ARGS]\n`

process.exitCode = main(process.argv.slice(2))

/** Returns the exit code: 0 when every part ran well, 2 for wrong arguments. */
function main(args: readonly string[]): number {
  const [first = '', ...rest] = args
  if (Object.hasOwn(PARTS, first)) return runPart(first, rest)
  if (args.some((argument) => argument !== '--quick')) {
    process.stderr.write(USAGE)
    return 2
  }
  return Math.max(...Object.keys(PARTS).map((name) => runPart(name, args)))
}

/** Runs one part in a process of its own, with its output on ours. */
function runPart(name: string, args: readonly string[]): number {
  process.stdout.write(`== ${name} ==\n`)
  const { status } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', PARTS[name] ?? '', ...args],
    { stdio: 'inherit' },
  )
  return status ?? 1
}
