/**
 * No log makes a process wait: whatever becomes of the places that logs are written to, requests are answered, commands and
 * signals work, memory is bounded, lines are whole, and what was dropped is told when the place takes lines again.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import {
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
import { Client, configText, launch, makeFolder, type Serving, serve } from './serve.ts'

const REQUESTS = 400

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
  for (const format of ['', 'access_format = "%m %r%Q%q %s"']) {
    for (const { name, make, isSkipped = false } of PLACES) {
      test.skipIf(isSkipped)(`${name}${format && ", in a format of the operator's"}`, async () => {
        const folder = makeFolder()
        const place = make(folder, 'stderr')
        const fd = openSync(place.path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND)
        const serving = await start(folder, { tenant: format, fd, isQuiet: true })
        closeSync(fd)
        place.spoil?.()
        await demand(serving)
        const text = await place.mend?.((sofar) => sofar.includes('droppedLines'))
        if (text !== undefined) wholeLines(text, format === '' ? '"msg":"access"' : 'GET /hello')
        await ends(serving)
      })
    }
  }

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

  test('a socket whose reader stands still', async () => {
    const serving = await start(makeFolder(), {})
    serving.child.stderr?.pause()
    await demand(serving)
    serving.child.stderr?.resume()
    await serving.logged(/"droppedLines":\d+/)
    await ends(serving)
    wholeLines(serving.log(), '"msg":"access"')
  })

  test.each(['/dev/stderr', '/proc/self/fd/2', '/dev/stdout', '/proc/self/fd/1'])(
    'the access log is %s',
    async (path) => {
      const folder = makeFolder()
      const serving = await start(folder, { tenant: `access_log = "${path}"` })
      const client = new Client(serving.socket)
      expect((await client.get('hello.wasm')).status).toBe(200)
      await serving.logged(/"uri":"\/hello\.wasm/)
      client.close()
      expect(serving.log()).not.toContain('ELOOP')
      await ends(serving)
    },
  )
})

interface ServingOptions {
  readonly top?: string
  readonly tenant?: string
  /** Standard error. */
  readonly fd?: number
  /** It may not be able to say that it is ready. */
  readonly isQuiet?: boolean
}

async function start(
  folder: string,
  { top = '', tenant = '', fd, isQuiet = false }: ServingOptions,
): Promise<Serving> {
  const config = configText(folder, { top: `log_memory = "64KiB"\n${top}`, tenant })
  const options = {
    folder,
    config,
    ...(fd === undefined ? {} : { spawn: { stdio: ['ignore' as const, 'pipe' as const, fd] } }),
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
async function demand(serving: Serving): Promise<void> {
  const clients = [new Client(serving.socket), new Client(serving.socket)]
  for (let sent = 0; sent < REQUESTS; sent += 2) {
    const answers = await Promise.all(clients.map((client) => client.get('hello.wasm', QUERY)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
  }
  for (const client of clients) client.close()
  expect((await serving.command('status')).code).toBe(0)
  expect((await serving.command('reload')).code).toBe(0)
  expect(await canConnect(serving.socket)).toBe(true)
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
