/** lighttpd opens the socket and starts wasm-fpm with it as descriptor 0 (`bin-path`), and ends it when it ends itself. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { configText, makeFolder } from '../integration/master/serve.ts'
import { Child, freePort } from '../support/peers/child.ts'
import { findProgram, isInstalled } from '../support/peers/start-peer.ts'
import { PROGRAM } from '../support/program.ts'

/** How long a process that was just started may take, on a busy machine. */
const START_MS = 30_000

test.skipIf(!isInstalled('lighttpd'))(
  'bin-path: started by lighttpd, and ended with it',
  async () => {
    const folder = makeFolder()
    const port = await freePort()
    writeFileSync(join(folder, 'wasm-fpm.toml'), `pid = "${folder}/pid"\n${configText(folder)}`)
    const command = [process.execPath, ...PROGRAM, 'serve', '--config']
    const start = join(folder, 'start.sh')
    writeFileSync(
      start,
      `#!/bin/sh\nexec ${command.join(' ')} ${folder}/wasm-fpm.toml 2>${folder}/log\n`,
    )
    chmodSync(start, 0o755)
    writeFileSync(
      join(folder, 'lighttpd.conf'),
      `server.modules = ( "mod_fastcgi" )
server.document-root = "${folder}"
server.bind = "127.0.0.1"
server.port = ${port}
server.errorlog = "${folder}/error.log"
fastcgi.server = ( ".wasm" => ((
  "bin-path" => "${start}", "socket" => "${folder}/fcgi.sock", "max-procs" => 1, "check-local" => "disable"
)) )
`,
    )
    const lighttpd = new Child(
      findProgram('lighttpd') ?? '',
      ['-D', '-f', join(folder, 'lighttpd.conf')],
      { directory: folder, env: { HOME: folder } },
    )
    onTestFinished(() => lighttpd.stop())
    await lighttpd.accepting({ host: '127.0.0.1', tcpPort: port })
    const ask = (): Promise<string> =>
      fetch(`http://127.0.0.1:${port}/hello.wasm`).then((response) => response.text())
    await expect.poll(ask, { timeout: START_MS }).toContain('Hello from AssemblyScript')
    const master = Number(readFileSync(join(folder, 'pid'), 'utf8'))
    await lighttpd.stop()
    await expect.poll(() => isThere(master), { timeout: START_MS }).toBe(false)
  },
)

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
