/** What is named as a module on the command line, and is none: nobody waits for it, and not much of it is read. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, openSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readModuleFile } from '../../../src/cli/read-module-file.ts'

const BYTES = Buffer.from('\0asm\x01\0\0\0', 'latin1')
const TOO_LARGE = /moduleBytes is \d+, wanted at most 67108864/

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-module-file-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

/** Each makes it at a path. Of what is there, nobody is told to look for rights. */
const REFUSED: ReadonlyArray<readonly [string, (path: string) => void, RegExp, string]> = [
  [
    'a FIFO',
    (path) => void execFileSync('mkfifo', [path]),
    /neither a file nor a folder/,
    'CLI_NO_MODULE',
  ],
  [
    'a device without an end',
    (path) => symlinkSync('/dev/zero', path),
    /neither a file nor a/,
    'CLI_NO_MODULE',
  ],
  [
    'a folder',
    (path) => symlinkSync('/tmp', path),
    /it is a folder, wanted a file/,
    'CLI_NO_MODULE',
  ],
  ['nothing', () => undefined, /ENOENT/, 'CLI_UNREADABLE'],
  ['a link to itself', (path) => symlinkSync(path, path), /ELOOP/, 'CLI_UNREADABLE'],
  [
    'a file with a hole of 3 GB',
    (path) => {
      writeFileSync(path, BYTES)
      truncateSync(path, 3 * 1024 ** 3)
    },
    TOO_LARGE,
    'WASM_LIMIT_EXCEEDED',
  ],
]

test.each(REFUSED)('%s', (_, make, says, code) => {
  const path = join(emptyFolder(), 'x.wasm')
  make(path)
  expect(() => readModuleFile(path)).toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(says) }),
  )
})

test('a file, by way of a link, and one that the shell has opened', () => {
  const folder = emptyFolder()
  const path = join(folder, 'x.wasm')
  writeFileSync(path, BYTES)
  symlinkSync('x.wasm', join(folder, 'link.wasm'))
  const fd = openSync(path, 'r')
  for (const name of [path, join(folder, 'link.wasm'), `/dev/fd/${fd}`, `/proc/self/fd/${fd}`])
    expect(Buffer.from(readModuleFile(name))).toEqual(BYTES)
})

test('a stream that the shell has opened, no further than a module may be long', () => {
  const fd = openSync('/dev/zero', 'r')
  expect(() => readModuleFile(`/dev/fd/${fd}`)).toThrow(TOO_LARGE)
})
