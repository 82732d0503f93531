import { beforeEach, expect, test } from 'vitest'
import { createLogger } from '../../../src/base/logger.ts'
import { Application } from '../../../src/gateway/application.ts'
import type { GuestModule } from '../../../src/guest/guest-module.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const named = (name: string) => ({ name }) as unknown as GuestModule

let clock: FakeClock
let engine: GuestModule | Promise<GuestModule>
let files: Map<string, string>
let loads: string[][]
let whatComes: (onFile?: (path: string) => void) => Promise<GuestModule>
let lines: string[]
let application: Application
let morePauseMs: number

const make = (hasRequests: boolean) =>
  new Application({
    clock,
    logger: createLogger('warn', false, { write: (line: string) => void lines.push(line) }),
    extensions: ['.php'],
    engine: () => engine,
    load: (_, paths, onFile) => {
      loads.push([...paths])
      return whatComes(onFile)
    },
    hasRequests,
    identify: (path) => files.get(path),
    revalidateMs: 2000,
    morePauseMs: () => morePauseMs,
  })

beforeEach(() => {
  clock = new FakeClock()
  engine = named('engine')
  files = new Map(['/www/a.php', '/www/b.php', '/www/c.php'].map((path) => [path, 'v1']))
  loads = []
  morePauseMs = 0
  lines = []
  whatComes = () => Promise.resolve(named(`loaded ${loads.length}`))
  application = make(false)
})

const settle = () => new Promise((resolve) => setImmediate(resolve))

async function request(...opened: string[]): Promise<string> {
  const { name } = await application.module
  for (const path of opened) application.opened(path)
  application.ended()
  await settle()
  return name
}

test('the second request begins with what the first has opened', async () => {
  expect(await request('/www/b.php', '/www/a.php', '/www/style.css', '/www/gone.php')).toBe(
    'engine',
  )
  expect(loads).toEqual([['/www/a.php', '/www/b.php']])
  expect(await request('/www/a.php')).toBe('loaded 1')
  expect(loads).toHaveLength(1)
})

test('what comes later is loaded when nothing new has come for a while, and not sooner than the pause allows', async () => {
  await request('/www/a.php')
  await request('/www/b.php')
  for (let run = 0; run < 20; run += 1) await request('/www/a.php')
  expect(loads, 'within the pause').toHaveLength(1)
  clock.advance(1000)
  await request('/www/a.php')
  expect(loads).toEqual([['/www/a.php'], ['/www/a.php', '/www/b.php']])
  expect(await request()).toBe('loaded 2')
})

test('a file that changes, or goes, is run as it is: after `revalidate`', async () => {
  await request('/www/a.php', '/www/b.php')
  for (const change of [() => files.set('/www/b.php', 'v2'), () => files.delete('/www/b.php')]) {
    change()
    clock.advance(1999)
    const before = await request()
    expect(before).toMatch(/^loaded/)
    clock.advance(1)
    expect(await request()).toBe('engine')
    expect(await request()).toMatch(/^loaded/)
  }
  expect(loads.at(-1)).toEqual(['/www/a.php'])
})

test('many files are looked at a part at a time, and requests wait for that', async () => {
  const paths = Array.from({ length: 1000 }, (_, at) => `/www/${at}.php`)
  for (const path of paths) files.set(path, 'v1')
  await request(...paths)
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(await request()).toBe('loaded 1')
  for (const last of ['v1', 'v2']) {
    files.set('/www/999.php', last)
    clock.advance(2000)
    const asked = [application.module, application.module]
    expect(asked.every((module) => module instanceof Promise)).toBe(true)
    const names = (await Promise.all(asked)).map(({ name }) => name)
    expect(names).toEqual(Array(2).fill(last === 'v1' ? 'loaded 1' : 'engine'))
    expect(application.module, 'once').not.toBeInstanceOf(Promise)
  }
})

test('another engine begins without what the one before had', async () => {
  await request('/www/a.php')
  clock.advance(1000)
  engine = named('newer')
  expect(await request()).toBe('newer')
  expect(await request()).toBe('loaded 2')
})

test('an engine that is not there yet is waited for', async () => {
  engine = Promise.resolve(named('late'))
  expect(await request('/www/a.php')).toBe('late')
})

test('loading that fails is said, and tried again less and less often; requests go on', async () => {
  whatComes = () => Promise.reject(new Error('no memory'))
  expect(await request('/www/a.php')).toBe('engine')
  expect(lines.join()).toContain('requests load them: Error: no memory')
  for (const pauseMs of [2000, 4000]) {
    clock.advance(pauseMs - 1)
    await request()
    const before = loads.length
    clock.advance(1)
    await request()
    expect(loads.length).toBe(before + 1)
  }
  whatComes = () => Promise.resolve(named('at last'))
  clock.advance(60_000)
  await request()
  expect(await request()).toBe('at last')
})

test('what was loaded is given back by who has no requests any more, and is there again after the next', async () => {
  await request('/www/a.php')
  clock.advance(600_000)
  clock.advance(600_000)
  expect(await request()).toBe('engine')
  expect(await request()).toBe('loaded 2')
})

test('paths without end, and paths that would be read as several, are left out', async () => {
  for (let index = 0; index < 5000; index += 1) {
    files.set(`/www/${index}.php`, 'v1')
    application.opened(`/www/${index}.php`)
  }
  application.opened('/www/x\n/etc/passwd.php')
  application.opened(`/www/${'x'.repeat(2000)}.php`)
  application.ended()
  await expect.poll(() => loads[0]).toHaveLength(4000)
  expect(loads[0]?.every((path) => /^\/www\/\d+\.php$/.test(path))).toBe(true)
})

test('requests to run ahead are reason enough to load, and what they open is loaded with the others', async () => {
  application = make(true)
  whatComes = (onFile) => {
    onFile?.('/www/c.php')
    return Promise.resolve(named(`loaded ${loads.length}`))
  }
  expect(await request('/www/a.php')).toBe('engine')
  expect(loads).toEqual([['/www/a.php'], ['/www/a.php', '/www/c.php']])
  expect(await request()).toBe('loaded 2')
  files.set('/www/c.php', 'v2')
  clock.advance(2000)
  expect(await request()).toBe('engine')
  expect(await request()).toBe('loaded 3')
  expect(loads).toHaveLength(3)
})

test('requests that open another file each time are not run again and again for that', async () => {
  application = make(true)
  whatComes = (onFile) => {
    const path = `/www/${loads.length}.php`
    files.set(path, 'new')
    onFile?.(path)
    return Promise.resolve(named(`loaded ${loads.length}`))
  }
  await request()
  expect(loads).toEqual([[], ['/www/1.php']])
  for (let run = 0; run < 40; run += 1) {
    clock.advance(2000)
    expect(await request()).toBe('loaded 2')
  }
  expect(loads).toHaveLength(2)
})

test('a file that is another one soon after each time is left to requests, and the others stay loaded', async () => {
  await request('/www/a.php', '/www/b.php')
  for (let change = 0; change < 8; change += 1) {
    expect(await request('/www/b.php'), `${change} changes`).toMatch(/^loaded/)
    files.set('/www/b.php', `changed ${change}`)
    clock.advance(10_000)
    expect(await request('/www/b.php')).toBe('engine')
  }
  for (let change = 0; change < 3; change += 1) {
    files.set('/www/b.php', `changed again ${change}`)
    clock.advance(10_000)
    expect(await request('/www/b.php')).toBe('loaded 9')
  }
  expect(loads.at(-1)).toEqual(['/www/a.php'])
})

test('a file that changes now and then is loaded every time', async () => {
  await request('/www/a.php')
  for (let change = 0; change < 20; change += 1) {
    files.set('/www/a.php', `changed ${change}`)
    clock.advance(61_000)
    expect(await request('/www/a.php')).toBe('engine')
    expect(await request('/www/a.php')).toBe(`loaded ${change + 2}`)
  }
})

test('requests to run ahead need no file', async () => {
  application = make(true)
  expect(await request()).toBe('engine')
  expect(loads).toEqual([[]])
  expect(await request()).toBe('loaded 1')
})

test('what is only more waits for longer, what has changed does not', async () => {
  morePauseMs = 60_000
  application = make(false)
  await request('/www/a.php')
  clock.advance(30_000)
  await request('/www/b.php')
  clock.advance(30_000)
  expect(await request('/www/b.php')).toBe('loaded 1')
  clock.advance(1000)
  await request()
  expect(loads).toEqual([['/www/a.php'], ['/www/a.php', '/www/b.php']])
  files.set('/www/a.php', 'v2')
  clock.advance(2000)
  expect(await request('/www/a.php')).toBe('engine')
  expect(await request()).toBe('loaded 3')
})

test('it says that something comes, until that is there or has failed', async () => {
  expect(application.isComing).toBe(false)
  const { promise, resolve } = Promise.withResolvers<GuestModule>()
  whatComes = () => promise
  application.opened('/www/a.php')
  expect(application.isComing, 'it is to be loaded').toBe(true)
  application.ended()
  expect(application.isComing, 'it is being loaded').toBe(true)
  resolve(named('loaded'))
  await settle()
  expect(application.isComing, 'it is there').toBe(false)
  application.opened('/www/b.php')
  expect(application.isComing, 'more').toBe(false)
  application = make(false)
  whatComes = () => Promise.reject(new Error('no'))
  await request('/www/a.php')
  expect(application.isComing, 'it has failed').toBe(false)
})
