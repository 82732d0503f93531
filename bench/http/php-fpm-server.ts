/** php-fpm as it is started for a benchmark, with pools of its own. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Server, startServer } from './process.ts'

export interface PhpFpmPool {
  readonly name: string
  readonly socket: string
  /** Besides where it listens, and as whom it runs. */
  readonly lines: readonly string[]
}

export interface PhpFpmOptions {
  /** Where its configuration and its logs go. */
  readonly folder: string
  readonly program: string
  readonly pools: readonly PhpFpmPool[]
  /** Arguments that set something of PHP's. */
  readonly settings?: readonly string[]
}

export function startPhpFpm({ folder, program, pools, settings = [] }: PhpFpmOptions): Server {
  const isRoot = process.getuid?.() === 0
  const config = join(folder, 'php-fpm.conf')
  const sections = pools.map(({ name, socket, lines }) =>
    [
      ...[`[${name}]`, `listen = ${socket}`],
      ...(isRoot ? ['user = root', 'group = root'] : []),
      ...lines,
    ].join('\n'),
  )
  writeFileSync(
    config,
    `[global]\nerror_log = ${folder}/php-fpm-error.log\ndaemonize = no\n${sections.join('\n')}\n`,
  )
  return startServer({
    name: 'php-fpm',
    command: program,
    args: [
      '--nodaemonize',
      ...(isRoot ? ['--allow-to-run-as-root'] : []),
      ...settings,
      ...['--fpm-config', config],
    ],
    logFile: join(folder, 'php-fpm.log'),
  })
}
