/** wasm-fpm as it is started for users, with a configuration of a benchmark. */
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Server, startServer } from './process.ts'

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts')

/** `config`: the text of its file, which is written to `folder` as its log is. What it keeps is there, too, and not where a server of this machine has it. */
export function startOwnServer(folder: string, config: string): Server {
  const file = join(folder, 'wasm-fpm.toml')
  const store = /^store =/m.test(config) ? '' : `store = "${join(folder, 'store')}"\n`
  writeFileSync(file, store + config)
  return startServer({
    name: 'wasm-fpm',
    command: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', MAIN, 'serve', '--config', file],
    logFile: join(folder, 'wasm-fpm.log'),
    env: { NODE_ENV: 'production' },
  })
}
