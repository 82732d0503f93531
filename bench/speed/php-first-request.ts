/** php-fpm with `pm = ondemand` and a pool a script: the first request to each starts a child, as for a tenant that was asleep. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram, type Server, startServer } from '../http/process.ts'

export interface PhpPools {
  readonly server: Server
  /** With `$1` for the number of a script: an address for `fastcgi_pass`, and a path. */
  readonly socket: string
  readonly script: string
}

/** Starts `count` pools over `count` scripts; undefined where php-fpm is missing. */
export async function startPhpPools(folder: string, count: number): Promise<PhpPools | undefined> {
  const program = findProgram('php-fpm8.2', 'php-fpm')
  if (program === undefined) return undefined
  const scripts = join(folder, 'php')
  mkdirSync(scripts)
  const isRoot = process.getuid?.() === 0
  const pools: string[] = []
  for (let index = 0; index < count; index++) {
    const text = `<?php\nheader('Content-Type: text/plain');\necho "Hello, world! ${index}\\n";\n`
    writeFileSync(join(scripts, `${index}.php`), text)
    pools.push(
      `[p${index}]\nlisten = ${folder}/php-${index}.sock\nlisten.mode = 0666\n` +
        `${isRoot ? 'user = root\ngroup = root\n' : ''}pm = ondemand\npm.max_children = 2\n`,
    )
  }
  const configFile = join(folder, 'php-fpm.conf')
  const global = `[global]\nerror_log = ${folder}/php-fpm-error.log\ndaemonize = no\n`
  writeFileSync(configFile, global + pools.join('\n'))
  const server = startServer({
    name: 'php-fpm',
    command: program,
    args: [
      '--nodaemonize',
      ...(isRoot ? ['--allow-to-run-as-root'] : []),
      ...['-d', 'opcache.enable=1', '--fpm-config', configFile],
    ],
    logFile: join(folder, 'php-fpm.log'),
  })
  // Pools are opened in order; connecting would already start a child of the last one.
  await server.ready(join(folder, `php-${count - 1}.sock`))
  return {
    server,
    socket: `${folder}/php-$1.sock`,
    script: `${scripts}/$1.php`,
  }
}
