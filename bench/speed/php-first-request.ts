/** php-fpm with `pm = ondemand` and a pool a script: the first request to each starts a child, as for a tenant that was asleep. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type PhpFpmPool, startPhpFpm } from '../http/php-fpm-server.ts'
import { findProgram, type Server } from '../http/process.ts'

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
  const pools: PhpFpmPool[] = []
  for (let index = 0; index < count; index++) {
    const text = `<?php\nheader('Content-Type: text/plain');\necho "Hello, world! ${index}\\n";\n`
    writeFileSync(join(scripts, `${index}.php`), text)
    pools.push({
      ...{ name: `p${index}`, socket: `${folder}/php-${index}.sock` },
      lines: ['listen.mode = 0666', 'pm = ondemand', 'pm.max_children = 2'],
    })
  }
  const settings = ['-d', 'opcache.enable=1']
  const server = startPhpFpm({ folder, program, pools, settings })
  // Pools are opened in order; connecting would already start a child of the last one.
  await server.ready(join(folder, `php-${count - 1}.sock`))
  return {
    server,
    socket: `${folder}/php-$1.sock`,
    script: `${scripts}/$1.php`,
  }
}
