/** A real php-fpm with a status page, for comparing ours with. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { begin, record, splitRecords } from '../../support/fastcgi/records.ts'
import { Child } from '../../support/peers/child.ts'

const BEGIN_ID = 1
const PARAMS = 4
const STDIN = 5
const STDOUT = 6

export interface PhpFpm {
  /** Sends one request; answers what php-fpm put on STDOUT. `params` win over a GET for `path`. */
  ask(path: string, query: string, params?: Readonly<Record<string, string>>): Promise<string>
  /** Absolute path of a script that php-fpm can run. */
  readonly script: string
  stop(): Promise<void>
}

/** Starts `binary` in a folder of its own. */
export async function startPhpFpm(binary: string): Promise<PhpFpm> {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-status-'))
  chmodSync(folder, 0o755)
  const socket = join(folder, 'fpm.sock')
  const script = join(folder, 'caf\u00e9.php')
  writeFileSync(script, '<?php echo "here";')
  const user = process.getuid?.() === 0 ? 'user = nobody\ngroup = nogroup\n' : ''
  const config = join(folder, 'php-fpm.conf')
  writeFileSync(
    config,
    `[global]\nerror_log = ${folder}/error.log\ndaemonize = no\n[www]\n${user}listen = ${socket}\npm = static\npm.max_children = 2\npm.status_path = /status\nping.path = /ping\nping.response = "here & now"\n`,
  )
  const child = new Child(binary, ['-F', '-n', '-y', config], { directory: folder })
  await child.accepting({ unix: socket })
  return {
    script,
    ask: (path, query, params = {}) =>
      exchange(socket, {
        REQUEST_METHOD: 'GET',
        SCRIPT_NAME: path,
        SCRIPT_FILENAME: path,
        REQUEST_URI: query === '' ? path : `${path}?${query}`,
        QUERY_STRING: query,
        ...params,
      }),
    async stop() {
      await child.stop()
      rmSync(folder, { recursive: true })
    },
  }
}

function exchange(path: string, params: Readonly<Record<string, string>>): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect({ path })
    socket.on('error', reject)
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('end', () => {
      const records = splitRecords(Buffer.concat(chunks))
      const stdout = records.filter(({ type }) => type === STDOUT).map(({ content }) => content)
      resolve(Buffer.concat(stdout).toString('utf8'))
    })
    socket.write(begin(BEGIN_ID, { flags: 0 }))
    socket.write(record(PARAMS, BEGIN_ID, pairs(params)))
    socket.write(record(PARAMS, BEGIN_ID))
    socket.write(record(STDIN, BEGIN_ID))
  })
}

/** Names and values with lengths of four bytes. */
function pairs(params: Readonly<Record<string, string>>): Uint8Array {
  const parts = Object.entries(params).map(([name, value]) => {
    const [nameBytes, valueBytes] = [Buffer.from(name), Buffer.from(value)]
    const lengths = Buffer.alloc(8)
    lengths.writeUInt32BE(nameBytes.length + 0x8000_0000, 0)
    lengths.writeUInt32BE(valueBytes.length + 0x8000_0000, 4)
    return Buffer.concat([lengths, nameBytes, valueBytes])
  })
  return Buffer.concat(parts)
}
