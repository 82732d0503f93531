/** When an application is loaded, who waits for it, and what comes of it when it cannot be. */
import { beforeEach, expect, test } from 'vitest'
import { createLogger } from '../../../src/base/logger.ts'
import { AppModule, MAX_APP_FILES } from '../../../src/gateway/app-module.ts'
import type { GuestModule } from '../../../src/guest/guest-module.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const named = (name: string) => ({ name }) as unknown as GuestModule
const IDLE_MS = 600_000

let clock: FakeClock
let engine: GuestModule
let files: Map<string, string>
let opened: string[]
let loads: number
let whatComes: () => Promise<void>
let app: AppModule

beforeEach(() => {
  clock = new FakeClock()
  engine = named('engine')
  files = new Map([
    ['/srv/app.py', 'v1'],
    ['/srv/site.toml', 'v1'],
  ])
  opened = ['/srv/app.py', '/srv/site.toml', '/data/notes.json']
  loads = 0
  whatComes = () => Promise.resolve()
  app = new AppModule({
    clock,
    logger: createLogger('silent', false, { write: () => undefined }),
    engine: () => engine,
    load: async (_, onFile) => {
      loads += 1
      for (const path of opened) onFile(path)
      await whatComes()
      return named(`loaded ${loads}`)
    },
    identify: (path) => files.get(path),
    revalidateMs: 1000,
  })
})

const nameOf = async (): Promise<string> => (await app.module).name

test('requests wait for one load, and later ones for nothing', async () => {
  expect(await Promise.all([nameOf(), nameOf(), nameOf()])).toEqual(Array(3).fill('loaded 1'))
  expect(app.module).not.toBeInstanceOf(Promise)
  expect(loads).toBe(1)
})

const CHANGES: ReadonlyArray<readonly [string, () => void, string]> = [
  ['nothing', () => undefined, 'loaded 1'],
  ['a module', () => files.set('/srv/app.py', 'v2'), 'loaded 2'],
  ['another file it has read', () => files.set('/srv/site.toml', 'v2'), 'loaded 2'],
  ['a file that is gone', () => files.delete('/srv/app.py'), 'loaded 2'],
  ['data', () => files.set('/data/notes.json', 'v1'), 'loaded 1'],
  ['the engine', () => (engine = named('another')), 'loaded 2'],
]

test.each(CHANGES)('%s has changed', async (_, change, wanted) => {
  await nameOf()
  change()
  clock.advance(1000)
  expect(await nameOf()).toBe(wanted)
})

test('files are believed to be as they were for a while', async () => {
  await nameOf()
  files.set('/srv/app.py', 'v2')
  clock.advance(999)
  expect(await nameOf()).toBe('loaded 1')
  clock.advance(1)
  expect(await nameOf()).toBe('loaded 2')
})

test('of many files, too, and all that ask meanwhile wait for the look', async () => {
  opened = Array.from({ length: 1000 }, (_, index) => `/srv/${index}.py`)
  for (const path of opened) files.set(path, 'v1')
  await nameOf()
  clock.advance(1000)
  expect(app.module).toBeInstanceOf(Promise)
  expect(await nameOf()).toBe('loaded 1')
  files.set('/srv/999.py', 'v2')
  clock.advance(1000)
  expect(await Promise.all([nameOf(), nameOf()])).toEqual(['loaded 2', 'loaded 2'])
})

test('files beyond the most that are looked at', async () => {
  opened = Array.from({ length: MAX_APP_FILES + 1 }, (_, index) => `/srv/${index}.py`)
  for (const path of opened) files.set(path, 'v1')
  await nameOf()
  files.set(`/srv/${MAX_APP_FILES}.py`, 'v2')
  clock.advance(1000)
  expect(await nameOf()).toBe('loaded 1')
  files.set(`/srv/${MAX_APP_FILES - 1}.py`, 'v2')
  clock.advance(1000)
  expect(await nameOf()).toBe('loaded 2')
})

test('what cannot be loaded is an error for all, and tried again after a pause', async () => {
  whatComes = () => Promise.reject(new Error('No module named x'))
  const failing = {
    code: 'GUEST_NO_APPLICATION',
    message: expect.stringContaining('No module named x'),
  }
  await expect(Promise.all([nameOf(), nameOf()])).rejects.toMatchObject(failing)
  clock.advance(999)
  await expect(nameOf()).rejects.toMatchObject(failing)
  expect(loads).toBe(1)
  whatComes = () => Promise.resolve()
  clock.advance(1)
  expect(await nameOf()).toBe('loaded 2')
})

test.each([
  ['a file that it has read', '/srv/app.py', 'loaded 2'],
  ['another one', '/srv/other.py', undefined],
])(
  'one that takes long to fail is tried again at once when %s has changed',
  async (_, path, wanted) => {
    whatComes = () => {
      clock.advance(2000)
      return Promise.reject(new Error('a mistake'))
    }
    await expect(nameOf()).rejects.toThrow('a mistake')
    whatComes = () => Promise.resolve()
    files.set(path, 'v2')
    clock.advance(999)
    await expect(nameOf()).rejects.toThrow('a mistake')
    clock.advance(1)
    const names = Promise.all([nameOf(), nameOf()])
    if (wanted === undefined) await expect(names).rejects.toThrow('a mistake')
    else expect(await names).toEqual([wanted, wanted])
  },
)

test('one that takes long to fail is tried again after five times as long', async () => {
  whatComes = () => {
    clock.advance(2000)
    return Promise.reject(new Error('it took long'))
  }
  await expect(nameOf()).rejects.toThrow('it took long')
  clock.advance(9999)
  await expect(nameOf()).rejects.toThrow('it took long')
  expect(loads).toBe(1)
  clock.advance(1)
  await expect(nameOf()).rejects.toThrow('it took long')
  expect(loads).toBe(2)
})

test('nobody has asked for long: it is given back', async () => {
  await nameOf()
  clock.advance(IDLE_MS - 1)
  await nameOf()
  clock.advance(1)
  expect(app.module).not.toBeInstanceOf(Promise)
  clock.advance(2 * IDLE_MS)
  expect(app.module).toBeInstanceOf(Promise)
})
