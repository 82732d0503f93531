/** Where the kernel, or a filter before it, does not know openat2(2): a process that may not call it walks as ever. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

/** Takes the call from itself, errno ARGV[2], and looks where that is done. */
const PROGRAM = `
  import { getRawPointer, dlopen } from 'node:ffi'
  import { openHostDirectory } from ${JSON.stringify(join(import.meta.dirname, '../../../src/wasi/host-directory.ts'))}
  const [folder, errno] = process.argv.slice(1)
  const OPENAT2 = 437
  // struct sock_filter: | code u16 | jump if true u8 | if false u8 | k u32 |
  const filter = new Uint8Array(32)
  const view = new DataView(filter.buffer)
  const LOAD_NUMBER = [0x20, 0, 0, 0], IF_EQUAL = [0x15, 0, 1, OPENAT2]
  const REFUSE = [0x06, 0, 0, 0x50000 | Number(errno)], ALLOW = [0x06, 0, 0, 0x7fff0000]
  for (const [at, [code, yes, no, k]] of [LOAD_NUMBER, IF_EQUAL, REFUSE, ALLOW].entries()) {
    view.setUint16(at * 8, code, true)
    view.setUint8(at * 8 + 2, yes)
    view.setUint8(at * 8 + 3, no)
    view.setUint32(at * 8 + 4, k, true)
  }
  const program = BigUint64Array.of(4n, getRawPointer(filter.buffer))
  const { functions } = dlopen(null, {
    prctl: { arguments: ['int32', 'uint64', 'pointer', 'uint64', 'uint64'], return: 'int32' },
  })
  if (errno !== '0') {
    const [NO_NEW_PRIVILEGES, SECCOMP, FILTER] = [38, 22, 2n]
    if (functions.prctl(NO_NEW_PRIVILEGES, 1n, 0n, 0n, 0n) !== 0) throw new Error('privileges')
    if (functions.prctl(SECCOMP, FILTER, getRawPointer(program.buffer), 0n, 0n) !== 0) throw new Error('filter')
  }
  const directory = openHostDirectory(folder, { writable: false })
  const found = directory.descend('a/b')
  const missing = directory.descend('a/c')
  const link = directory.descend('l/b')
  const a = directory.lookup('a')
  const file = a.lookup('b').lookup('file')
  console.log(JSON.stringify([found?.kind, missing, link, Number(file.stat().size)]))
`

const SAYS = [
  { name: 'the kernel has it', errno: 0, answers: ['directory', 44, null, 4] },
  {
    name: 'a kernel without it',
    errno: constants.errno.ENOSYS,
    answers: [null, null, null, 4],
  },
  {
    name: 'a filter without it',
    errno: constants.errno.EPERM,
    answers: [null, null, null, 4],
  },
]

test.skipIf(process.platform !== 'linux').each(SAYS)('$name', ({ errno, answers }) => {
  const folder = mkdtempSync(join(tmpdir(), 'wasi-openat2-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'a/b'), { recursive: true })
  symlinkSync('a', join(folder, 'l'))
  writeFileSync(join(folder, 'a/b/file'), 'text')
  const args = ['--experimental-ffi', '--no-warnings', '--input-type=module', '-e', PROGRAM]
  const output = execFileSync(process.execPath, [...args, folder, String(errno)], {
    encoding: 'utf8',
  })
  expect(JSON.parse(output)).toEqual(answers)
})
