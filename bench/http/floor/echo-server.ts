/**
 * The floor for a FastCGI server in Node: answers every request with the same bytes when its STDIN ends, and looks at nothing
 * but lengths and types of records. `node echo-server.ts SOCKET PROCESSES`.
 */
import cluster from 'node:cluster'
import { chmodSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { HELLO_ANSWER } from './hello-answer.ts'

const [HEADER_BYTES, BEGIN_REQUEST, STDIN, FLAGS_AT] = [8, 1, 5, 10]

const [socket = '', processes = '1'] = process.argv.slice(2)
if (cluster.isPrimary) {
  rmSync(socket, { force: true })
  cluster.schedulingPolicy = cluster.SCHED_NONE
  for (let index = 0; index < Number(processes); index += 1) cluster.fork()
  cluster.once('listening', () => chmodSync(socket, 0o777))
} else {
  createServer({ noDelay: true }, serve).listen(socket)
}

function serve(connection: Socket): void {
  let isKept = false
  let rest: Buffer | undefined
  connection.on('error', () => undefined)
  connection.on('data', (chunk: Buffer) => {
    const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk])
    let at = 0
    while (at + HEADER_BYTES <= bytes.length) {
      const content = bytes.readUInt16BE(at + 4)
      const end = at + HEADER_BYTES + content + (bytes[at + 6] ?? 0)
      if (end > bytes.length) break
      const type = bytes[at + 1]
      if (type === BEGIN_REQUEST) isKept = ((bytes[at + FLAGS_AT] ?? 0) & 1) === 1
      if (type === STDIN && content === 0) {
        if (isKept) connection.write(HELLO_ANSWER)
        else connection.end(HELLO_ANSWER)
      }
      at = end
    }
    rest = at < bytes.length ? bytes.subarray(at) : undefined
  })
}
