/** The program on disk is replaced while a server runs: nothing of the new version works for the old one. */
import { execFile } from 'node:child_process'
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { Client, configText, makeFolder, serve } from './serve.ts'

/** A copy of the program, the text of whose package.json `change` changes. */
function installProgram(folder: string) {
  for (const part of ['src', 'package.json']) {
    cpSync(resolve(part), join(folder, part), { recursive: true })
  }
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'))
  const file = join(folder, 'package.json')
  const original = readFileSync(file, 'utf8')
  return {
    main: join(folder, 'src', 'cli', 'main.ts'),
    upgrade: () => {
      writeFileSync(file, original.replace(/"version": ".*"/, '"version": "99.0.0"'))
    },
    goBack: () => writeFileSync(file, original),
  }
}

test('after an upgrade on disk the old workers go on, and what to do is said', async () => {
  const folder = makeFolder()
  const { main, upgrade, goBack } = installProgram(makeFolder())
  const config = join(folder, 'wasm-fpm.toml')
  const through = (all: readonly string[]) =>
    all.map((one) => (one.endsWith('main.ts') ? main : one))
  const serving = await serve({ folder, config: configText(folder), through })
  const tell = (command: string): Promise<string> =>
    new Promise((done) => {
      const args = [main, command, '--config', config]
      execFile(process.execPath, args, (_, stdout, stderr) => done(stdout + stderr))
    })
  const client = new Client(serving.socket)
  const before = serving.workers().sort()
  upgrade()
  const refusal = await tell('restart')
  expect(refusal).toContain('VERSION_MIXED')
  expect(refusal).toContain('the program on disk is 99.0.0 by now')
  expect(refusal).toContain('`systemctl restart wasm-fpm`')
  expect((await client.get('hello.wasm')).status).toBe(200)
  expect(serving.workers().sort()).toEqual(before)
  // A worker that dies is missed until then; the others serve, and the log says why.
  const from = serving.log().length
  process.kill(before[0] ?? -1, 'SIGKILL')
  await serving.logged(/"reason":"Cannot work for wasm-fpm [^"]*99\.0\.0/, from)
  expect((await new Client(serving.socket).get('hello.wasm')).status).toBe(200)
  goBack()
  await expect.poll(() => serving.workers().length, { timeout: 30_000 }).toBe(2)
  expect(await tell('restart')).toContain('workers: 2')
})
