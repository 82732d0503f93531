/**
 * No log makes a process wait: whatever becomes of the places that logs are written to, requests are answered, commands and
 * signals work, memory is bounded, lines are whole, and what was dropped is told when the place takes lines again.
 */
import { execFileSync, type SpawnOptions, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { askStatus, command } from '../../../src/master/control-client.ts'
import { wat } from '../../support/wat.ts'
import { Client, configText, launch, makeFolder, type Serving, serve } from './serve.ts'

/** Much more than the logs may keep and a pipe holds. */
const REQUESTS = 160

/** A user that is no other's here. */
const GAMES = 5

/** Each leaves a line of so many bytes, and more. */
const QUERY = 'q'.repeat(2000)

/** A place for a log, and what becomes of it. */
interface Place {
  readonly path: string
  /** After the start: its reader goes, it is removed. */
  readonly spoil?: () => void
  /** It takes lines again; resolves with what it has then got from the start. */
  readonly mend?: (isEnough: (text: string) => boolean) => Promise<string>
}

interface PlaceKind {
  readonly name: string
  readonly make: (folder: string, log: string) => Place
  readonly isSkipped?: boolean
}

const isRoot = process.getuid?.() === 0

const PLACES: readonly PlaceKind[] = [
  { name: 'a pipe whose reader stands still', make: stalledPipe },
  {
    name: 'a pipe whose reader goes away',
    make: (folder, log) => {
      const { path, reader } = fifo(folder, log)
      return { path, spoil: () => closeSync(reader) }
    },
  },
  { name: '/dev/full', make: () => ({ path: '/dev/full' }) },
  { name: 'a full disk', make: fullDisk, isSkipped: !isRoot },
  {
    name: 'a file that is removed',
    make: (folder, log) => {
      const path = join(folder, `${log}.log`)
      return { path, spoil: () => rmSync(path, { force: true }) }
    },
  },
]

/** Of standard error it is the same, but for places that cannot be opened before they are there. */
const NAMED_PLACES: readonly PlaceKind[] = [
  ...PLACES,
  {
    name: 'a FIFO that nobody reads',
    make: (folder, log) => {
      const path = join(folder, `${log}.fifo`)
      execFileSync('mkfifo', [path])
      return { path }
    },
  },
  {
    name: 'a folder that is not there',
    make: (folder, log) => ({ path: join(folder, 'none', log) }),
  },
]

describe('access log and slow log, error log', () => {
  for (const { name, make, isSkipped = false } of NAMED_PLACES) {
    test.skipIf(isSkipped)(name, async () => {
      const folder = makeFolder()
      const isMissing = name.includes('not there')
      const [access, slow, error] = ['access', 'slow', 'error'].map((log) => make(folder, log)) as [
        Place,
        Place,
        Place,
      ]
      const serving = await start(folder, {
        top: isMissing ? '' : `error_log = "${error.path}"`,
        tenant: `access_log = "${access.path}"
slowlog = "${slow.path}"
request_slowlog_timeout = "1ms"`,
        isQuiet: !isMissing,
      })
      for (const { spoil } of [access, slow, error]) spoil?.()
      await demand(serving)
      const text = await access.mend?.((sofar) => sofar.includes('\n'))
      if (text !== undefined) wholeLines(text, '"msg":"access"')
      const told = await error.mend?.((sofar) => sofar.includes('droppedLines'))
      if (told !== undefined) wholeLines(told, '"msg"')
      await ends(serving)
    })
  }
})

describe('standard error', () => {
  for (const { name, make, isSkipped = false } of PLACES) {
    test.skipIf(isSkipped)(name, async () => {
      const folder = makeFolder()
      const place = make(folder, 'stderr')
      const fd = openSync(place.path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND)
      // Lines in both forms, half of each, and what guests have to say where there are none.
      const others = `${tenantText(folder, 'own-format', 'access_format = "%m %r%Q%q %s"')}
${tenantText(folder, 'complains', 'access_log = "off"')}
[tenant.limits]
stderr_rate = "1GiB"
`
      writeFileSync(join(folder, 'complain.wasm'), COMPLAINER)
      const serving = await start(folder, { more: others, fd, isQuiet: true })
      closeSync(fd)
      place.spoil?.()
      await demand(serving, ['site', 'own-format'])
      await complain(serving)
      const text = await place.mend?.((sofar) => sofar.includes('droppedLines'))
      if (text !== undefined) {
        for (const sample of ['"msg":"access"', 'GET /hello']) wholeLines(text, sample)
      }
      await ends(serving)
    })
  }

  test('a pipe whose reader stands still, with nothing but what guests say', async () => {
    const folder = makeFolder()
    writeFileSync(join(folder, 'complain.wasm'), COMPLAINER)
    const place = stalledPipe(folder, 'stderr')
    const fd = openSync(place.path, constants.O_WRONLY)
    const tenant = 'access_log = "off"\n[tenant.limits]\nstderr_rate = "1GiB"'
    const serving = await start(folder, { tenant, fd, isQuiet: true })
    closeSync(fd)
    await complain(serving, 'site')
    await demand(serving)
    const text = (await place.mend?.((sofar) => sofar.includes('droppedLines'))) ?? ''
    expect(text).not.toContain('"msg":"access"')
    wholeLines(text, '"msg":"ccc')
    await ends(serving)
  })

  // A process that is started, or ends, changes the streams that it shares with others.
  const REPLACED = {
    'after a restart': async (serving: Serving) => {
      expect((await serving.command('restart')).code).toBe(0)
    },
    'after a crash': async (serving: Serving) => {
      const [victim = -1, ...others] = serving.workers()
      process.kill(victim, 'SIGKILL')
      const left = () => serving.workers().filter((pid) => pid !== victim)
      await expect.poll(() => left().length).toBeGreaterThan(others.length)
    },
  }
  test.each(Object.entries(REPLACED))(
    'a pipe whose reader stands still, %s',
    async (_, replace) => {
      const folder = makeFolder()
      const place = stalledPipe(folder, 'stderr')
      const fd = openSync(place.path, constants.O_WRONLY)
      const serving = await start(folder, { fd, isQuiet: true })
      closeSync(fd)
      await replace(serving)
      await demand(serving)
      // Once more, when it is full.
      await replace(serving)
      await demand(serving)
      await place.mend?.((sofar) => sofar.includes('droppedLines'))
      await ends(serving)
    },
  )

  // It cannot be opened anew, so that a write to it may block: a thread has to wait for it.
  test.skipIf(!isRoot)("somebody else's pipe whose reader stands still", async () => {
    const folder = makeFolder()
    const place = stalledPipe(folder, 'stderr')
    const fd = openSync(place.path, constants.O_WRONLY)
    chmodSync(place.path, 0o600)
    chownSync(folder, GAMES, GAMES)
    const serving = await start(folder, { fd, user: { uid: GAMES, gid: GAMES }, isQuiet: true })
    closeSync(fd)
    chownSync(join(folder, 'wasm-fpm.toml'), GAMES, GAMES) // or root asks root's
    await demand(serving)
    await place.mend?.((sofar) => sofar.includes('droppedLines'))
    await ends(serving)
  })

  test('a socket whose reader stands still', async () => {
    const serving = await start(makeFolder(), {})
    serving.child.stderr?.pause()
    await demand(serving)
    serving.child.stderr?.resume()
    await serving.logged(/"droppedLines":\d+/)
    await ends(serving)
    wholeLines(serving.log(), '"msg":"access"')
  })

  test('the access log is named as the system names a stream', async () => {
    const folder = makeFolder()
    const paths = ['/dev/stderr', '/proc/self/fd/2', '/dev/stdout', '/proc/self/fd/1']
    const tenants = paths.map((path, at) =>
      tenantText(folder, `named-${at}`, `access_log = "${path}"`),
    )
    const serving = await start(folder, { more: tenants.join('\n') })
    const client = new Client(serving.socket)
    for (const at of paths.keys()) {
      const { status } = await client.get('hello.wasm', `at=${at}`, hostOf(`named-${at}`))
      expect(status).toBe(200)
      await serving.logged(new RegExp(`"uri":"/hello\\.wasm\\?at=${at}"`))
    }
    client.close()
    expect(serving.log()).not.toContain('ELOOP')
    await ends(serving)
  })
})

interface ServingOptions {
  readonly top?: string
  readonly tenant?: string
  /** Tables behind the tenant's. */
  readonly more?: string
  /** Standard error. */
  readonly fd?: number
  /** Whose the processes are. Default: ours. */
  readonly user?: SpawnOptions
  /** It may not be able to say that it is ready. */
  readonly isQuiet?: boolean
}

async function start(
  folder: string,
  { top = '', tenant = '', more = '', fd, user = {}, isQuiet = false }: ServingOptions,
): Promise<Serving> {
  const config = `${configText(folder, { top: `log_memory = "64KiB"\n${top}`, tenant })}\n${more}`
  const options = {
    folder,
    config,
    spawn: {
      ...user,
      ...(fd === undefined ? {} : { stdio: ['ignore' as const, 'pipe' as const, fd] }),
    },
  }
  if (!isQuiet) return serve(options)
  const serving = launch(options)
  await expect.poll(() => canConnect(serving.socket), { timeout: 60_000 }).toBe(true)
  return serving
}

async function canConnect(path: string): Promise<boolean> {
  const client = new Client(path)
  try {
    return (await client.get('hello.wasm')).status === 200
  } catch {
    return false
  } finally {
    client.close()
  }
}

/** Requests, commands and memory while the logs take nothing. */
async function demand(serving: Serving, tenants = ['site']): Promise<void> {
  const clients = [new Client(serving.socket), new Client(serving.socket)]
  for (let sent = 0; sent < REQUESTS; sent += 2) {
    const host = hostOf(tenants[(sent / 2) % tenants.length] ?? '')
    const answers = await Promise.all(
      clients.map((client) => client.get('hello.wasm', QUERY, host)),
    )
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
  }
  for (const client of clients) client.close()
  const config = join(serving.folder, 'wasm-fpm.toml')
  expect((await askStatus(config, undefined)).pid).toBe(serving.child.pid)
  expect(await command(config, 'reload')).toContain('workers: 2')
  expect(await canConnect(serving.socket)).toBe(true)
}

/** Writes a line of 1,000 bytes 50 times to standard error, and answers. */
const COMPLAINER = wat(`(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\40\\00\\00\\00\\e8\\03\\00\\00\\10\\00\\00\\00\\06\\00\\00\\00")
  (data (i32.const 16) "A:b\\0a\\0ax")
  (func (export "_start") (local $left i32)
    (memory.fill (i32.const 64) (i32.const 99) (i32.const 999))
    (i32.store8 (i32.const 1063) (i32.const 10))
    (local.set $left (i32.const 50))
    (loop $again
      (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 32)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $again (local.get $left)))
    (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 32)))))`)

/** Has guests fill what the log may keep. */
async function complain(serving: Serving, tenant = 'complains'): Promise<void> {
  const client = new Client(serving.socket)
  for (let sent = 0; sent < 12; sent++) {
    const { status } = await client.get('complain.wasm', '', hostOf(tenant))
    expect(status).toBe(200)
  }
  client.close()
}

function tenantText(root: string, name: string, keys: string): string {
  return `[[tenant]]
name = "${name}"
pool = "www"
hosts = ["${name}.example"]
root = "${root}"
${keys.includes('access_log') ? '' : 'access_log = "stderr"'}
${keys}`
}

function hostOf(tenant: string): Record<string, string> {
  return { HTTP_HOST: `${tenant}.example` }
}

async function ends(serving: Serving): Promise<void> {
  serving.child.kill('SIGTERM')
  expect(await serving.exit).toBe(0)
}

/** Every line, the last one perhaps aside, is one. */
function wholeLines(text: string, sample: string): void {
  const lines = text.slice(0, text.lastIndexOf('\n')).split('\n')
  expect(text).toContain(sample)
  for (const line of lines) {
    if (line.startsWith('{')) expect(JSON.parse(line)).toBeInstanceOf(Object)
    else expect(line).toMatch(/^(GET \/hello\.wasm\S* 200)?$/)
  }
}

function fifo(folder: string, log: string): { readonly path: string; readonly reader: number } {
  const path = join(folder, `${log}.pipe`)
  execFileSync('mkfifo', [path])
  return { path, reader: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK) }
}

function stalledPipe(folder: string, log: string): Place {
  const { path, reader } = fifo(folder, log)
  onTestFinished(() => closeSync(reader))
  return {
    path,
    mend: async (isEnough) => {
      let text = ''
      const chunk = Buffer.alloc(65_536)
      await expect
        .poll(
          () => {
            text += chunk.toString('utf8', 0, tryRead(reader, chunk))
            return isEnough(text)
          },
          { timeout: 20_000, interval: 20 },
        )
        .toBe(true)
      return text
    },
  }
}

function tryRead(fd: number, into: Buffer): number {
  try {
    return readSync(fd, into)
  } catch {
    return 0
  }
}

/** A file system of one megabyte, almost full. */
function fullDisk(folder: string, log: string): Place {
  const disk = join(folder, `${log}-disk`)
  mkdirSync(disk)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=0755', 'tmpfs', disk])
  onTestFinished(() => void spawnSync('umount', ['-l', disk]))
  writeFileSync(join(disk, 'filler'), Buffer.alloc(1024 * 1024 - 5 * 4096, 1))
  const path = join(disk, 'log')
  return {
    path,
    mend: async (isEnough) => {
      rmSync(join(disk, 'filler'))
      const read = (): string => readFileSync(path, 'utf8')
      await expect.poll(() => isEnough(read()), { timeout: 20_000 }).toBe(true)
      expect(statSync(path).size).toBeLessThan(1024 * 1024)
      return read()
    },
  }
}
