/** A worker process ends when it is to, whatever its threads do. */
import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

test.each([
  { name: 'because its master says so', program: '', code: 0, says: '' },
  {
    name: 'because of an error that nobody expects',
    program: `process.once('message', () => setImmediate(() => { throw new Error('boom') }))`,
    code: 1,
    says: 'Error: boom',
  },
])('a worker ends $name though a thread of its pool hangs', async ({ program, code, says }) => {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-ending-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  const worker = startWorker(`import { open } from 'node:fs'
open(${JSON.stringify(pipe)}, 'r', () => undefined)
${program}`)
  let text = ''
  worker.stderr?.on('data', (bytes: Buffer) => {
    text += bytes.toString()
  })
  worker.send(program === '' ? { kind: 'drain', graceMs: 0 } : { kind: 'reopen-logs' })
  expect(await once(worker, 'close')).toEqual([code, null])
  expect(text).toContain(says)
})

/** The entry point of workers, after a program of the test's own. */
function startWorker(program: string) {
  const worker = fork(resolve('src/worker/main.ts'), {
    execArgv: ['--import', `data:text/javascript,${encodeURIComponent(program)}`],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  onTestFinished(() => void worker.kill('SIGKILL'))
  return worker
}
