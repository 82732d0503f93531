/** A MariaDB of two applications side by side, each with a database of its own, on a unix socket. */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Child } from './child.ts'

export const MARIADB = '/usr/sbin/mariadbd'

/** Of both databases, whose users are named like them. */
export const PASSWORD = 'secret'

export interface Database {
  /** Its socket. */
  readonly socket: string
  stop(): Promise<void>
}

/** `names`: of databases and users, which may do everything there. `folder` is there, and the caller's to remove. */
export async function startMariaDb(folder: string, names: readonly string[]): Promise<Database> {
  const data = join(folder, 'db')
  mkdirSync(data)
  chmodSync(data, 0o755)
  execFileSync('chown', ['www-data', data])
  const common = ['--no-defaults', '--user=www-data', `--datadir=${data}`]
  execFileSync('mariadb-install-db', [...common, '--skip-test-db'], { stdio: 'pipe' })
  const statements = names.flatMap((name) => [
    `CREATE DATABASE ${name};`,
    `CREATE USER ${name}@localhost IDENTIFIED BY '${PASSWORD}';`,
    // Names that begin like its own as well.
    `GRANT ALL ON \`${name}%\`.* TO ${name}@localhost;`,
  ])
  writeFileSync(join(folder, 'init.sql'), `${statements.join('\n')}\n`)
  const socket = join(data, 'mysql.sock')
  const own = [`--socket=${socket}`, '--skip-networking', `--init-file=${join(folder, 'init.sql')}`]
  const server = new Child(MARIADB, [...common, ...own, '--innodb-use-native-aio=0'], {
    directory: folder,
  })
  await server.accepting({ unix: socket })
  return { socket, stop: () => server.stop() }
}
