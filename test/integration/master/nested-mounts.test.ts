/** A mount in a mount: one of the configuration's, whose place is inside another one, and one of the machine's. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import {
  CREATE,
  FIRST_MOUNT,
  type FileStep,
  fileProgram,
  READ_ONLY,
} from '../../support/file-program.ts'
import { Client, configText, makeFolder, serve } from './serve.ts'

const [XDEV, DQUOT, BUSY, NOENT] = [75, 19, 10, 44]

async function run(
  folder: string,
  mounts: string,
  programs: Readonly<Record<string, Uint8Array>>,
): Promise<(program: string) => Promise<string>> {
  for (const [name, bytes] of Object.entries(programs))
    writeFileSync(join(folder, `${name}.wasm`), bytes)
  const serving = await serve({ folder, config: configText(folder, { tenant: mounts }) })
  return async (program) => {
    const client = new Client(serving.socket)
    const { status, body } = await client.get(`${program}.wasm`)
    client.close()
    return status === 200 ? body.trim() : `status ${status}`
  }
}

const write = (path: string, text: string): FileStep[] => [
  { do: 'open', path, ...CREATE },
  { do: 'write', text },
  { do: 'close' },
]

const read = (path: string): FileStep[] => [{ do: 'open', path, ...READ_ONLY }, { do: 'read' }]

test('of the configuration: the longer path is another folder, with a quota and rights of its own', async () => {
  const folder = makeFolder()
  const [outer, inner] = [join(folder, 'outer'), join(folder, 'inner')]
  for (const path of [outer, inner]) mkdirSync(path)
  const mounts = `mounts = [
  { host = "${outer}", guest = "/data", writable = true },
  { host = "${inner}", guest = "/data/in", writable = true, quota = 3 }]`
  const ask = await run(folder, mounts, {
    outside: fileProgram([
      ...write('file', 'outer'),
      { do: 'mkdir', path: 'in' },
      ...write('in/file', 'hidden'),
    ]),
    inside: fileProgram([...write('file', 'inn'), ...write('more', 'x')], {
      directory: FIRST_MOUNT + 1,
    }),
    again: fileProgram([...read('file')], { directory: FIRST_MOUNT + 1 }),
  })
  expect(await ask('outside')).toBe('0 0 0 0 0 0 0')
  expect(await ask('inside')).toBe(`0 0 0 0 ${DQUOT} 0`)
  expect(await ask('again')).toBe('0 inn 0')
  expect(readdirSync(inner).sort()).toEqual(['file', 'more'])
  expect(readFileSync(join(inner, 'file'), 'utf8')).toBe('inn')
  // Through the outer one it is a folder as any other: programs look for the longest path themselves.
  expect(readFileSync(join(outer, 'in/file'), 'utf8')).toBe('hidden')
})

test.skipIf(process.getuid?.() !== 0)(
  'of the machine: it is written to, and counts; nothing is moved into it, and it is not removed',
  async () => {
    const folder = makeFolder()
    const data = join(folder, 'data')
    mkdirSync(join(data, 'disk'), { recursive: true })
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=0777', 'tmpfs', join(data, 'disk')])
    onTestFinished(() => void spawnSync('umount', ['-l', join(data, 'disk')]))
    writeFileSync(join(data, 'disk/before'), '12345')
    const mounts = `mounts = [{ host = "${data}", guest = "/data", writable = true, quota = 10 }]`
    const ask = await run(folder, mounts, {
      write: fileProgram([
        ...write('disk/new', '123'),
        ...read('disk/new'),
        ...write('out', '12'),
        ...write('more', 'x'),
        { do: 'rename', path: 'out', to: 'disk/out' },
        { do: 'link', path: 'out', to: 'disk/out' },
        { do: 'rename', path: 'disk/new', to: 'new' },
        { do: 'rmdir', path: 'disk' },
        { do: 'rename', path: 'disk', to: 'moved' },
        { do: 'unlink', path: 'disk/new' },
        ...read('disk/new'),
      ]),
    })
    const [first, ...rest] = [
      '0 0 0',
      '0 123 0',
      '0 0 0',
      `0 ${DQUOT} 0`,
      ...[XDEV, XDEV, XDEV, BUSY, BUSY, 0].map(String),
    ]
    expect(await ask('write')).toMatch(new RegExp(`^${[first, ...rest].join(' ')} ${NOENT}`))
    expect(readdirSync(join(data, 'disk'))).toEqual(['before'])
    expect(readdirSync(data).sort()).toEqual(['disk', 'more', 'out'])
  },
)
