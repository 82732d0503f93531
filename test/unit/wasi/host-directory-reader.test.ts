/** Folders of the host that are listed. */
import { execFileSync } from 'node:child_process'
import {
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Filetype } from '../../../src/wasi/abi.ts'
import { Errno } from '../../../src/wasi/errno.ts'
import { MAX_HOST_ENTRIES, readHostDirectory } from '../../../src/wasi/host-directory-reader.ts'

test('a folder with more entries than a guest may list', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-entries-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (let at = 0; at < MAX_HOST_ENTRIES; at++) writeFileSync(join(folder, String(at)), '')
  const fd = openSync(folder, 'r')
  onTestFinished(() => closeSync(fd))
  const read = () => {
    const reader = readHostDirectory(fd, folder)
    if (typeof reader === 'number') throw new Error(`errno ${reader}`)
    const first = reader.read(MAX_HOST_ENTRIES)
    const rest = reader.read(1)
    reader.close()
    return [typeof first === 'number' ? first : first.length, rest]
  }
  expect(read()).toEqual([MAX_HOST_ENTRIES, []])
  linkSync(join(folder, '0'), join(folder, 'more'))
  expect(read()).toEqual([MAX_HOST_ENTRIES, Errno.OVERFLOW])
})

test('entries have their types and their inode numbers, and nothing stays open', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-entries-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'ü'.repeat(127)), '')
  mkdirSync(join(folder, 'folder'))
  symlinkSync('nowhere', join(folder, 'link'))
  execFileSync('mkfifo', [join(folder, 'fifo')])
  for (let each = 0; each < 500; each++) writeFileSync(join(folder, `${each}`), '')
  const open = readdirSync('/proc/self/fd').length
  const fd = openSync(folder, 'r')
  const reader = readHostDirectory(fd, folder)
  if (typeof reader === 'number') throw new Error(`errno ${reader}`)
  const entries = [reader.read(1), reader.read(1_000), reader.read(1)].flatMap((read) =>
    typeof read === 'number' ? [] : read,
  )
  closeSync(fd)
  expect(readdirSync('/proc/self/fd').length).toBe(open)
  const typeOf = (name: string): number => {
    const stat = lstatSync(join(folder, name))
    if (stat.isDirectory()) return Filetype.Directory
    if (stat.isFIFO()) return Filetype.Unknown
    return stat.isSymbolicLink() ? Filetype.SymbolicLink : Filetype.RegularFile
  }
  const wanted = readdirSync(folder).map((name) => ({
    name,
    ino: lstatSync(join(folder, name), { bigint: true }).ino,
    filetype: typeOf(name),
  }))
  const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1)
  expect([...entries].sort(byName)).toEqual(wanted.sort(byName))
})
