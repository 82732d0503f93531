/** Guests of real workers, which have a user's rights and those of Node's permission model, write into their mount. */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Fdflags, Oflags } from '../../../src/wasi/abi.ts'
import { Right } from '../../../src/wasi/rights.ts'
import { CREATE, type FileStep, fileProgram, READ_ONLY } from '../../support/file-program.ts'
import { Client, configText, makeFolder, type Serving, serve } from './serve.ts'

interface Site {
  readonly serving: Serving
  /** The folder of the mount. */
  readonly data: string
}

async function start(programs: Readonly<Record<string, Uint8Array>>, keys = ''): Promise<Site> {
  const folder = makeFolder()
  const data = join(folder, 'data')
  mkdirSync(data)
  for (const [name, bytes] of Object.entries(programs)) {
    writeFileSync(join(folder, `${name}.wasm`), bytes)
  }
  const tenant = `mounts = [{ host = "${data}", guest = "/data", writable = true${keys} }]`
  // All workers are to have requests, however few there are.
  const pool = 'gather_connections = false'
  return { serving: await serve({ folder, config: configText(folder, { pool, tenant }) }), data }
}

async function ask({ serving }: Site, program: string): Promise<string> {
  const client = new Client(serving.socket)
  const { status, body } = await client.get(`${program}.wasm`)
  client.close()
  return status === 200 ? body.trim() : `status ${status}`
}

/** Asks until every worker has answered; resolves with all answers. */
async function askAllWorkers(site: Site, program: string): Promise<string[]> {
  const from = site.serving.log().length
  const line = new RegExp(`"pid":(\\d+)[^\\n]*/${program}\\.wasm[^\\n]*"msg":"access"`, 'g')
  const pids = (): string[] =>
    [...site.serving.log().slice(from).matchAll(line)].map(([, pid = '']) => pid)
  const answers: string[] = []
  for (let round = 0; round < 10 && new Set(pids()).size < 2; round++) {
    const clients = Array.from({ length: 24 }, () => new Client(site.serving.socket))
    const asked = clients.map((client) => client.get(`${program}.wasm`))
    for (const { body } of await Promise.all(asked)) answers.push(body.trim())
    for (const client of clients) client.close()
    await expect.poll(pids, { timeout: 20_000 }).toHaveLength(answers.length)
  }
  expect(new Set(pids()).size).toBe(2)
  return answers
}

const WRITES: readonly FileStep[] = [
  { do: 'mkdir', path: 'd' },
  { do: 'open', path: 'd/new', ...CREATE },
  { do: 'write', text: 'hello' },
  { do: 'sync' },
  { do: 'datasync' },
  { do: 'close' },
  { do: 'rename', path: 'd/new', to: 'd/kept' },
  { do: 'open', path: 'short', ...CREATE },
  { do: 'write', text: 'too long' },
  { do: 'resize', size: 3 },
  { do: 'link', path: 'short', to: 'other' },
  { do: 'unlink', path: 'short' },
  { do: 'symlink', target: 'd/kept', path: 'link' },
  { do: 'mkdir', path: 'empty' },
  { do: 'rmdir', path: 'empty' },
]

const READS: readonly FileStep[] = [
  { do: 'open', path: 'd/kept', ...READ_ONLY },
  { do: 'read' },
  { do: 'open', path: 'other', ...READ_ONLY },
  { do: 'read' },
  { do: 'open', path: 'link', rights: Right.FdRead | Right.FdSync },
  { do: 'sync' },
  { do: 'read' },
  { do: 'open', path: 'short', ...READ_ONLY },
]

test('what a guest writes, renames and deletes is so for all requests, all workers and their successors', async () => {
  const site = await start({ write: fileProgram(WRITES), read: fileProgram(READS) })
  expect(await ask(site, 'write')).toBe(WRITES.map(() => '0').join(' '))
  expect(readdirSync(site.data).sort()).toEqual(['d', 'link', 'other'])
  expect(readFileSync(join(site.data, 'd/kept'), 'utf8')).toBe('hello')
  const seen = '0 hello 0 0 too 0 0 0 hello 0 44'
  for (const answer of await askAllWorkers(site, 'read')) expect(answer).toBe(seen)
  expect((await site.serving.command('restart')).code).toBe(0)
  expect(await ask(site, 'read')).toBe(seen)
})

test('only one of many makes a new file, lines appended by all are all there', async () => {
  const exclusive = { oflags: Oflags.Creat | Oflags.Excl, rights: CREATE.rights }
  const append: FileStep[] = [
    { do: 'open', path: 'log', ...CREATE, fdflags: Fdflags.Append },
    { do: 'write', text: 'one line\n' },
    { do: 'close' },
  ]
  const site = await start({
    claim: fileProgram([{ do: 'open', path: 'claim', ...exclusive }]),
    append: fileProgram(append, { repeat: 20 }),
  })
  const claims = await askAllWorkers(site, 'claim')
  expect(claims.filter((errno) => errno === '0')).toHaveLength(1)
  expect(claims.filter((errno) => errno === '20')).toHaveLength(claims.length - 1)
  const appends = await askAllWorkers(site, 'append')
  for (const answer of appends) expect(answer).toBe(Array(60).fill('0').join(' '))
  const text = readFileSync(join(site.data, 'log'), 'utf8')
  expect(text).toBe('one line\n'.repeat(appends.length * 20))
})

test('a link never leads a web server out of the mount, and nothing leads the guest out', async () => {
  const site = await start({
    links: fileProgram([
      { do: 'symlink', target: '../hello.wasm', path: 'up' },
      { do: 'symlink', target: '/etc/passwd', path: 'absolute' },
      { do: 'symlink', target: 'd/../../hello.wasm', path: 'winding' },
      { do: 'open', path: 'up', ...READ_ONLY },
      { do: 'open', path: 'absolute', ...READ_ONLY },
      { do: 'open', path: 'winding', ...READ_ONLY },
      { do: 'rename', path: 'd/operators', to: 'moved' },
      { do: 'link', path: 'd/operators', to: 'linked' },
      { do: 'open', path: 'd/operators', ...READ_ONLY },
      { do: 'open', path: '../hello.wasm', ...READ_ONLY },
      { do: 'unlink', path: '../hello.wasm' },
      { do: 'rename', path: '../hello.wasm', to: 'stolen' },
      { do: 'open', path: 'magic/../../hello.wasm', ...CREATE },
    ]),
  })
  mkdirSync(join(site.data, 'd'))
  symlinkSync('../../hello.wasm', join(site.data, 'd/operators'))
  symlinkSync('/proc/self/cwd', join(site.data, 'magic'))
  expect(await ask(site, 'links')).toBe('0 76 0 76 44 76 63 63 76 76 76 76 76')
  expect(readdirSync(site.data).sort()).toEqual(['d', 'magic', 'up', 'winding'])
  for (const link of ['up', 'winding'])
    expect(() => statSync(join(site.data, link))).toThrow('ENOTDIR')
  expect(readlinkSync(join(site.data, 'd/operators'))).toBe('../../hello.wasm')
})

test('a quota is one for all workers, and stays exact while they write, cut and remove the same files', async () => {
  const [quota, chunk] = [65_536, 'x'.repeat(9_000)]
  const races: FileStep[] = ['f', 'g'].flatMap((path): FileStep[] => [
    { do: 'open', path, ...CREATE, fdflags: Fdflags.Append },
    { do: 'write', text: chunk },
    { do: 'write', text: chunk },
    { do: 'resize', size: 5_000 },
    { do: 'write', text: chunk },
    { do: 'rename', path, to: 'h' },
    { do: 'write', text: chunk },
    { do: 'unlink', path: 'h' },
    { do: 'close' },
  ])
  const removes = (['f', 'g', 'h', 'full'] as const).map(
    (path): FileStep => ({ do: 'unlink', path }),
  )
  const fills: FileStep[] = [
    { do: 'open', path: 'full', ...CREATE },
    { do: 'write', text: 'x'.repeat(quota) },
    { do: 'write', text: 'x' },
    { do: 'mkdir', path: 'one' },
    { do: 'mkdir', path: 'two' },
    { do: 'mkdir', path: 'three' },
  ]
  const programs = {
    race: fileProgram(races, { repeat: 5 }),
    clean: fileProgram(removes),
    fill: fileProgram(fills),
  }
  const site = await start(programs, `, quota = "${quota}", quota_files = 3`)
  for (const answer of await askAllWorkers(site, 'race')) {
    // SUCCESS, NOENT of what another has taken away, EDQUOT.
    expect(answer.split(' ').filter((errno) => !['0', '44', '19'].includes(errno))).toEqual([])
  }
  await ask(site, 'clean')
  expect(await ask(site, 'fill')).toBe('0 0 19 0 0 19')
  expect(statSync(join(site.data, 'full')).size).toBe(quota)
  // The count is there for workers that come later, too.
  expect((await site.serving.command('restart')).code).toBe(0)
  const full = '0 0 19 20 20 19'
  for (const answer of await askAllWorkers(site, 'fill')) expect(answer).toBe(full)
})
