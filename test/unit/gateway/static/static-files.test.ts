import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { ByteSink } from '../../../../src/base/byte-stream.ts'
import { nameValuesOf } from '../../../../src/base/name-values.ts'
import { parseEnvironment } from '../../../../src/cgi/environment.ts'
import { FileReader } from '../../../../src/gateway/static/file-reader.ts'
import type { StaticOutput } from '../../../../src/gateway/static/send-response.ts'
import { StaticFiles } from '../../../../src/gateway/static/static-files.ts'
import { CollectingSink } from '../../../support/guest.ts'
import { openPaths } from '../../../support/open-paths.ts'

const root = mkdtempSync(join(tmpdir(), 'static-'))
afterAll(() => rmSync(root, { recursive: true }))

const CONTENTS = {
  'index.html': Buffer.from('<h1>Hello</h1>\n'),
  'img/big.bin': pattern(300_000),
  'exact.bin': pattern(1024),
  'gone.bin': pattern(5000),
  'gone.txt': pattern(10),
  'changed.txt': Buffer.from('as published'),
  'shorter.bin': pattern(5000),
  'link.txt': Buffer.from('secret'),
  'folder.txt': Buffer.from('a folder now'),
}
const LISTING = Object.entries(CONTENTS).map(([path, contents]) => ({
  path,
  bytes: contents.length,
  digest: createHash('sha256').update(contents).digest('hex'),
}))
for (const [path, contents] of Object.entries(CONTENTS)) {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), contents)
}
// What has happened to the image since.
rmSync(join(root, 'gone.bin'))
rmSync(join(root, 'gone.txt'))
writeFileSync(join(root, 'changed.txt'), 'AS published')
writeFileSync(join(root, 'shorter.bin'), pattern(4999))
rmSync(join(root, 'link.txt'))
writeFileSync(join(root, 'outside'), 'secret')
symlinkSync(join(root, 'outside'), join(root, 'link.txt'))
rmSync(join(root, 'folder.txt'))
mkdirSync(join(root, 'folder.txt'))

describe('what is sent', () => {
  const CASES = [
    { name: 'a small file', path: '/', range: undefined, body: CONTENTS['index.html'] },
    { name: 'a part of it', path: '/', range: 'bytes=1-4', body: Buffer.from('h1>H') },
    {
      name: 'a file as large as a chunk',
      path: '/exact.bin',
      range: undefined,
      body: pattern(1024),
    },
    { name: 'a large file', path: '/img/big.bin', range: undefined, body: pattern(300_000) },
    {
      name: 'a part over several chunks',
      path: '/img/big.bin',
      range: 'bytes=1000-9999',
      body: pattern(300_000).subarray(1000, 10_000),
    },
    {
      name: 'its end',
      path: '/img/big.bin',
      range: 'bytes=-3',
      body: pattern(300_000).subarray(-3),
    },
  ]
  for (const { name, path, range, body } of CASES) {
    test(name, async () => {
      const sink = new CollectingSink()
      const answered = await serve(path, { sink }, range === undefined ? {} : { HTTP_RANGE: range })
      const text = Buffer.from(sink.text, 'latin1')
      const end = text.indexOf('\r\n\r\n') + 4
      expect(text.subarray(end).equals(body)).toBe(true)
      expect(answered).toEqual({ status: range === undefined ? 200 : 206, bytes: body.length })
      expect(text.subarray(0, end).toString()).toContain(`\r\nContent-Length: ${body.length}\r\n`)
      expect(openPaths(root)).toEqual([])
    })
  }

  test('several parts, in one body', async () => {
    const sink = new CollectingSink()
    const { bytes } = await serve('/', { sink }, { HTTP_RANGE: 'bytes=0-1,-3' })
    const tag = /boundary=([0-9a-f]{32})\r\n/.exec(sink.text)?.[1]
    const body = sink.text.slice(sink.text.indexOf('\r\n\r\n') + 4)
    const type = 'Content-Type: text/html; charset=utf-8'
    expect(body).toBe(
      `--${tag}\r\n${type}\r\nContent-Range: bytes 0-1/15\r\n\r\n<h` +
        `\r\n--${tag}\r\n${type}\r\nContent-Range: bytes 12-14/15\r\n\r\n1>\n\r\n--${tag}--\r\n`,
    )
    expect(bytes).toBe(body.length)
    expect(sink.text).toContain(`\r\nContent-Length: ${body.length}\r\n`)
  })

  test('without a body', async () => {
    for (const [params, status] of [
      [{ REQUEST_METHOD: 'HEAD' }, 200],
      [{ HTTP_IF_NONE_MATCH: '*' }, 304],
    ] as const) {
      const sink = new CollectingSink()
      expect(await serve('/img/big.bin', { sink }, params)).toEqual({ status, bytes: 0 })
      expect(sink.text).toMatch(/\r\n\r\n$/)
    }
  })

  test('no-cache unless asked otherwise', async () => {
    const sink = new CollectingSink()
    await serve('/', { sink })
    expect(sink.text).toContain('\r\nCache-Control: no-cache\r\n')
  })
})

describe('what is not as it was published', () => {
  const CASES = [
    ['/gone.txt', 'there is none'],
    ['/gone.bin', 'there is none'],
    ['/changed.txt', 'its bytes have another digest'],
    ['/shorter.bin', '4999 bytes, wanted 5000 bytes'],
    ['/link.txt', 'it is a link'],
    ['/folder.txt', 'it is a folder'],
  ] as const
  for (const [path, message] of CASES) {
    test(`${path} is refused before a byte is sent`, async () => {
      const sink = new CollectingSink()
      await expect(serve(path, { sink })).rejects.toMatchObject({
        code: 'GATEWAY_FILE_UNREADABLE',
        message: expect.stringContaining(message),
      })
      expect(sink.text).toBe('')
      expect(openPaths(root)).toEqual([])
    })
  }
})

test('a small file is read once, and is the same for all who have it', async () => {
  const copy = mkdtempSync(join(tmpdir(), 'static-copy-'))
  const reader = smallReader()
  writeFileSync(join(copy, 'a.html'), CONTENTS['index.html'])
  const first = make(copy, [{ ...only('index.html'), path: 'a.html' }], reader)
  const second = make('/nowhere', [{ ...only('index.html'), path: 'b.html' }], reader)
  await answer(first, '/a.html', { sink: new CollectingSink() })
  rmSync(copy, { recursive: true })
  const sink = new CollectingSink()
  await answer(second, '/b.html', { sink })
  expect(sink.text).toContain('\r\n\r\n<h1>Hello</h1>\n')
})

test('a listing that cannot be read is tried again', async () => {
  let tries = 0
  const files = new StaticFiles({
    imageRoot: join(root, 'img'),
    listing: async () => {
      tries += 1
      if (tries === 1) throw new Error('not now')
      return [{ ...only('img/big.bin'), path: 'big.bin' }]
    },
    folder: undefined,
    index: undefined,
    cacheControl: 'max-age=31536000, immutable',
    reader: smallReader(),
  })
  const sink = new CollectingSink()
  await expect(answer(files, '/big.bin', { sink })).rejects.toThrow('not now')
  expect(sink.text).toBe('')
  await answer(files, '/big.bin', { sink })
  expect(sink.text).toContain('\r\nCache-Control: max-age=31536000, immutable\r\n')
  await answer(files, '/big.bin', { sink })
  expect(tries).toBe(2)
})

test('a sink that takes little at a time gets everything, with no file open while it waits', async () => {
  const sink = new SlowSink(700)
  const done = serve('/img/big.bin', { sink }).finally(() => sink.stop())
  while (await sink.isWaiting()) {
    expect(openPaths(root)).toEqual([])
    sink.makeRoom()
  }
  expect(await done).toEqual({ status: 200, bytes: 300_000 })
  const sent = Buffer.concat(sink.parts)
  expect(sent.subarray(sent.indexOf('\r\n\r\n') + 4).equals(pattern(300_000))).toBe(true)
  expect(sink.largest).toBe(1024)
})

test('a client that goes away ends it', async () => {
  const sink = new SlowSink(700)
  let giveUp: () => void = () => undefined
  const done = serve('/img/big.bin', { sink, onAbort: (call) => (giveUp = call) })
  expect(await sink.isWaiting()).toBe(true)
  const sent = sink.bytes.length
  giveUp()
  await expect(done).rejects.toMatchObject({ code: 'GATEWAY_CLIENT_GONE' })
  expect(sink.bytes.length).toBe(sent)
  expect(openPaths(root)).toEqual([])
})

test('a client that is gone before gets nothing', async () => {
  const sink = new CollectingSink()
  const done = serve('/', { sink, onAbort: (giveUp) => giveUp() })
  await expect(done).rejects.toMatchObject({ code: 'GATEWAY_CLIENT_GONE' })
  expect(sink.text).toBe('')
})

test('many at once, though few files may be open', async () => {
  const files = make(root, LISTING, smallReader(2))
  const sinks = Array.from({ length: 10 }, () => new CollectingSink())
  const all = await Promise.all(sinks.map((sink) => answer(files, '/img/big.bin', { sink })))
  expect(all).toEqual(Array(10).fill({ status: 200, bytes: 300_000 }))
  expect(new Set(sinks.map(({ text }) => text)).size).toBe(1)
  expect(openPaths(root)).toEqual([])
})

/** Takes `room` bytes, then waits to be asked for more. */
class SlowSink implements ByteSink {
  readonly parts: Buffer[] = []
  largest = 0
  readonly #room: number
  #left: number
  #wake: (() => void) | undefined
  #waited: (() => void) | undefined
  #isStopped = false

  constructor(room: number) {
    this.#room = room
    this.#left = room
  }

  get bytes(): Buffer {
    return Buffer.concat(this.parts)
  }

  write(bytes: Uint8Array): number {
    this.largest = Math.max(this.largest, bytes.length)
    const count = Math.min(bytes.length, this.#left)
    if (count > 0) this.parts.push(Buffer.from(bytes.subarray(0, count)))
    this.#left -= count
    return count
  }

  onWritable(wake: () => void): void {
    this.#wake = wake
    this.#waited?.()
  }

  end(): void {}

  /** Resolves once its writer waits, or never will. */
  async isWaiting(): Promise<boolean> {
    if (this.#wake === undefined && !this.#isStopped) {
      await new Promise<void>((resolve) => (this.#waited = resolve))
    }
    return !this.#isStopped
  }

  /** Its writer is done. */
  stop(): void {
    this.#isStopped = true
    this.#waited?.()
  }

  makeRoom(): void {
    this.#left = this.#room
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}

function smallReader(openFiles = 4): FileReader {
  return new FileReader({ cache: { bytes: 4096, files: 8, fileBytes: 1024 }, openFiles })
}

function make(folder: string, listing: typeof LISTING, reader = smallReader()): StaticFiles {
  return new StaticFiles({
    imageRoot: folder,
    listing: async () => listing,
    folder: undefined,
    index: 'index.html',
    cacheControl: undefined,
    reader,
  })
}

type Given = Pick<StaticOutput, 'sink'> & Partial<StaticOutput>

function serve(path: string, output: Given, params: Readonly<Record<string, string>> = {}) {
  return answer(make(root, LISTING), path, output, params)
}

function answer(
  files: StaticFiles,
  path: string,
  output: Given,
  params: Readonly<Record<string, string>> = {},
) {
  const variables = { REQUEST_METHOD: 'GET', REQUEST_URI: path, ...params }
  const cgi = parseEnvironment(nameValuesOf(Object.entries(variables)))
  return files.answer({ cgi, pathInfo: path }, { onAbort: () => undefined, ...output })
}

function only(path: string) {
  const file = LISTING.find((one) => one.path === path)
  if (file === undefined) throw new Error(`no ${path}`)
  return file
}

/** Bytes that tell where they are. */
function pattern(bytes: number): Buffer {
  return Buffer.from(Array.from({ length: bytes }, (_, at) => (at + (at >> 8)) & 0xff))
}
