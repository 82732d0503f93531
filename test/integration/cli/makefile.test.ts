/** The first thing of all, `make`: without a Node that is new enough it says what to do, and does it without installing again. */
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { emptyFolder } from './cli.ts'

const NODES = [
  { name: 'new enough', version: undefined, status: 0, says: '' },
  { name: 'too old', version: 'v20.20.2', status: 2, says: 'make: node is v20.20.2, wanted 26.10' },
]

test.for(NODES)('node is $name', ({ version, status, says }) => {
  const folder = emptyFolder()
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true })
  for (const name of ['Makefile', 'package.json', 'package-lock.json']) {
    copyFileSync(resolve(name), join(folder, name))
    utimesSync(join(folder, name), 1, 1)
  }
  writeFileSync(join(folder, 'node_modules/.installed'), '')
  const node = join(folder, 'node_modules/.bin/node')
  if (version === undefined) symlinkSync(process.execPath, node)
  else {
    // Not new enough for what it is asked, and it tells its version.
    writeFileSync(node, `#!/bin/sh\n[ "$1" = --version ] && exec echo ${version}\nexit 1\n`)
    chmodSync(node, 0o755)
  }
  const made = spawnSync('make', ['-s', 'installed'], { cwd: folder, encoding: 'utf8' })
  expect({ status: made.status, stderr: made.stderr }).toEqual({
    status,
    stderr: expect.stringContaining(says),
  })
  if (status === 0) return
  expect(made.stderr).toContain('next: npm rebuild node --ignore-scripts=false')
})
