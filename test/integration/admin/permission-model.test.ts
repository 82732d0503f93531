/**
 * Why the admin process is not under Node's permission model (RATIONALE.md): it could not make what it stores last.
 * When this fails, Node has changed, and the decision can.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { emptyFolder } from '../cli/cli.ts'

const SCRIPT = `
import { open, rename } from 'node:fs/promises'
const file = await open('new', 'w')
const codeOf = (work) => work.then(() => 'done', ({ code }) => code)
const folder = await open('.', 'r')
console.log(JSON.stringify({
  write: await codeOf(file.write('x')),
  rename: await codeOf(rename('new', 'old')),
  sync: await codeOf(file.sync()),
  syncFolder: await codeOf(folder.sync()),
  chown: await codeOf(file.chown(process.getuid(), process.getgid())),
}))
`

test('a process under the permission model may not sync, whatever it is granted', () => {
  const folder = emptyFolder()
  writeFileSync(join(folder, 'try.mjs'), SCRIPT)
  const flags = ['--permission', '--allow-child-process', '--allow-fs-read=*', '--allow-fs-write=*']
  const printed = execFileSync(process.execPath, [...flags, 'try.mjs'], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  expect(JSON.parse(printed)).toEqual({
    ...{ write: 'done', rename: 'done' },
    ...{ sync: 'ERR_ACCESS_DENIED', syncFolder: 'ERR_ACCESS_DENIED', chown: 'ERR_ACCESS_DENIED' },
  })
})
