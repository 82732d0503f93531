/**
 * What has to hold of an application in every language: nothing is left of a request for the next one, nothing random repeats, and
 * what breaks is one request. What only one of them has is in the tests of that language.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { haveRuntime, runtimePath } from '../../support/have-runtime.ts'
import {
  type Breaking,
  expectNothingRepeats,
  expectOneBreaks,
  type SiteOptions,
  startTenants,
  type TenantSite,
} from './language-site.ts'
import type { AtEnd } from './serve.ts'

const REQUESTS = 10_000
/** An interpreter that somebody else has compiled boots in seconds of processor time. */
const LONG = { timeout: 300_000 }

const NAMES = ['python', 'lua', 'ruby', 'perl'] as const
type Language = (typeof NAMES)[number]

const SITES: Readonly<Record<Language, Omit<SiteOptions, 'name'>>> = {
  python: { extension: '.py', runtime: '', app: 'isolation:application' },
  lua: { extension: '.lua', runtime: 'memory = "128MiB"', app: 'isolation' },
  ruby: {
    ...{ extension: '.rb', app: 'isolation.ru' },
    runtime: 'memory = "160MiB"\nboot_timeout = "60s"',
  },
  perl: {
    ...{ extension: '.pl', app: 'isolation.psgi' },
    runtime: 'memory = "128MiB"\nboot_timeout = "60s"',
  },
}

/** No language takes so long to break by itself, on a slow machine either. */
const limits = (cpu: string): string =>
  `limits = { cpu = "${cpu}", wall = "100s" }\nqueue = { timeout = "60s" }\n`

/** Each has its instances, and begins where its application has been loaded. */
const TENANTS = {
  left: `${limits('30s')}warm = ["/drawn"]\n`,
  drawn: `${limits('30s')}warm = ["/drawn"]\nmax_children = 8\naccess_log = "off"\n`,
  endless: limits('1s'),
  broken: limits('30s'),
}

/** What a request leaves. */
const LEFT = [
  ...['state', 'cache', 'global', 'interned', 'modules', 'local', 'patched', 'defined'],
  ...['environment', 'path', 'folder', 'temporary', 'open', 'handler', 'settings', 'query'],
]

/** What of that a language has not, or does not let be seen. */
const WITHOUT: Readonly<Record<Language, readonly string[]>> = {
  python: [],
  lua: ['interned', 'local', 'environment'],
  ruby: [],
  perl: ['interned', 'local'],
}

/** Bits of names that end in six of 62 letters, or eight of 37. */
const [LETTERS, PYTHON_LETTERS] = [6 * Math.log2(62), 8 * Math.log2(37)]
/** What generators begin with, where it is less than they give. */
const SEED = 32
/** Of Lua's, what nine letters carry down to the five bits by which a table of 32 places is in order: two bits a letter. */
const SHORT_SEED = 5 + 2 * 9

/** How many bits of what `/drawn` answers are random. */
const DRAWN: Readonly<Record<Language, Readonly<Record<string, number>>>> = {
  python: {
    ...{ random: 53, own: 53, system: 53, uuid1: 60, uuid4: 122, secrets: 64, urandom: 64 },
    ...{ tempfile: PYTHON_LETTERS, process: 22, clock: 60, state: 31, gauss: 50 },
  },
  lua: {
    ...{ random: 53, again: 53, short: SHORT_SEED, middle: SEED, long: SEED, temporary: LETTERS },
    ...{ address: SEED, named: SEED },
  },
  ruby: { random: 53, shuffled: 128, own: 53, hex: 128, uuid: 122, urandom: 64 },
  perl: { random: SEED, other: SEED },
}

const CPU = { status: 503, log: /"code":"OUTCOME_CPU/ }
const fails = (log: RegExp) => ({ status: 500, log })

/** By language; a text: why there is no such thing. */
const BREAKING: Readonly<Record<string, Readonly<Record<Language, Breaking[string] | string>>>> = {
  loop: { python: CPU, lua: CPU, ruby: CPU, perl: CPU },
  /** A loop that catches whatever comes. */
  caught: { python: CPU, lua: CPU, ruby: CPU, perl: CPU },
  /** What is run when the collector finds something. */
  finalizer: { python: CPU, lua: CPU, ruby: CPU, perl: CPU },
  regex: { python: CPU, lua: CPU, ruby: CPU, perl: CPU },
  memory: {
    python: fails(/MemoryError/),
    lua: fails(/not enough memory/),
    ruby: fails(/NoMemoryError/),
    perl: fails(/Out of memory/),
  },
  doubling: {
    python: fails(/MemoryError/),
    lua: fails(/not enough memory/),
    ruby: fails(/NoMemoryError/),
    perl: fails(/Out of memory/),
  },
  integer: {
    python: CPU,
    lua: 'numbers have 64 bits',
    ruby: CPU,
    perl: 'numbers have 64 bits',
  },
  recursion: {
    python: fails(/RecursionError: maximum recursion depth exceeded/),
    lua: fails(/stack overflow/),
    ruby: fails(/SystemStackError/),
    perl: fails(/Out of memory/),
  },
  /** Source text that is nested deeply. */
  parser: {
    python: fails(/SyntaxError: too many nested parentheses|MemoryError/),
    lua: fails(/C stack overflow|too many C levels/),
    ruby: fails(/SyntaxError.*nesting too deep/),
    perl: fails(/"msg":"parsed/), // there is no end to it but memory
  },
  /** Serialized data that is nested deeply, or calls functions. */
  data: {
    python: fails(/Can't get attribute 'system'/),
    lua: fails(/too many nested data structures/),
    ruby: fails(/OUTCOME_/),
    perl: fails(/exceeds maximum nesting level/),
  },
  exit: {
    python: fails(/SystemExit: 3/),
    lua: 'what os.exit does to an application is told of in the tests of Lua',
    ruby: fails(/SystemExit/),
    perl: fails(/it has called exit/),
  },
  thread: {
    python: fails(/RuntimeError: can't start new thread/),
    lua: 'there are no threads in Lua',
    ruby: fails(/unimplemented on this machine \(NotImplementedError\)/),
    perl: fails(/Can't locate threads\.pm in @INC/),
  },
  fork: {
    python: fails(/AttributeError: module 'os' has no attribute 'fork'/),
    lua: 'there is no fork in Lua',
    ruby: fails(/fork\(\) function is unimplemented/),
    perl: fails(/The fork function is unimplemented/),
  },
  process: {
    python: fails(/OSError: \[Errno 58\] wasi does not support processes/),
    lua: fails(/isolation\.lua:\d+: Function not implemented/),
    ruby: fails(/there are no processes here \(NotImplementedError\)/),
    perl: fails(/system: Invalid argument/),
  },
  popen: {
    python: fails(/OSError: \[Errno 58\] wasi does not support processes/),
    lua: fails(/'popen' not supported/),
    ruby: fails(/there are no processes here \(NotImplementedError\)/),
    perl: fails(/open: Invalid argument/),
  },
  missing: {
    python: fails(/No module named '_ssl': this runtime has no TLS of its own/),
    lua: fails(/module 'socket' not found/),
    ruby: fails(/cannot load such file -- not_there \(LoadError\)/),
    perl: fails(/Can't locate Not\/There\.pm in @INC/),
  },
}

describe.each(NAMES)('%s', (name) => {
  const has = haveRuntime(name, runtimePath(name), [])
  const ends: Array<Parameters<AtEnd>[0]> = []
  let tenants: Readonly<Record<keyof typeof TENANTS, TenantSite>>

  beforeAll(async () => {
    if (!has) return
    const atEnd: AtEnd = (end) => void ends.unshift(end)
    tenants = await startTenants({ ...SITES[name], name, atEnd }, TENANTS)
  }, LONG.timeout)

  afterAll(async () => {
    for (const end of ends) await end()
  })

  test.skipIf(!has)('nothing is left of a request', LONG, async () => {
    const { connect, data, serving } = tenants.left
    const client = connect()
    for (let count = 0; count < 5; count += 1) {
      const { body, status } = await client.get('left', `count=${count}`)
      expect(status, serving.log()).toBe(200)
      const without = WITHOUT[name]
      const wanted = LEFT.map((one) => [one, without.includes(one) ? null : false])
      expect(JSON.parse(body)).toEqual(Object.fromEntries(wanted))
    }
    client.close()
    const log = readFileSync(join(data, 'log.txt'), 'utf8')
    expect(log).toBe(`loaded\n${'asked\n'.repeat(5)}`)
    expect(serving.log(), 'what is to be done at the end').not.toContain('at exit')
  })

  test.skipIf(!has)('nothing that is drawn repeats', LONG, () =>
    expectNothingRepeats(tenants.drawn, DRAWN[name], REQUESTS),
  )

  test.skipIf(!has)('what breaks a request breaks that one', LONG, async () => {
    const breaking = Object.entries(BREAKING).flatMap(([kind, { [name]: one }]) =>
      typeof one === 'string' ? [] : [[kind, one] as const],
    )
    for (const [tenant, isEndless] of [
      ['endless', true],
      ['broken', false],
    ] as const) {
      const kinds = breaking.filter(([, one]) => (one === CPU) === isEndless)
      expect(kinds.length).toBeGreaterThan(0)
      await expectOneBreaks(tenants[tenant], Object.fromEntries(kinds))
    }
  })

  if (name === 'lua') return

  // Strings are in tables under numbers that hang on a seed: a new one would mean to make all of these tables anew, in each request.
  test.skipIf(!has)('the seed of hashes is drawn when the interpreter boots', LONG, async () => {
    const { connect, serving } = tenants.broken
    const seeds = new Set<string>()
    for (let boot = 0; boot < 2; boot += 1) {
      if (boot > 0) expect((await serving.command('restart')).code).toBe(0)
      const client = connect()
      const own = new Set<string>()
      for (let count = 0; count < 5; count += 1) {
        const { body, status } = await client.get('seed')
        expect(status, serving.log()).toBe(200)
        own.add(body)
      }
      client.close()
      for (const seed of own) {
        expect(seeds).not.toContain(seed)
        seeds.add(seed)
      }
    }
  })
})
