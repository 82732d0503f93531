/** Every fixed limit of a host call: a guest that keeps to it gets what it wants, and one just over it is told so. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { compileFields } from '../../guests/hostile/compile.ts'
import { Errno } from '../../src/wasi/errno.ts'
import { DEFAULT_MEMORY_LIMITS } from '../../src/wasi/memory-quota.ts'
import { MAX_SYMLINKS } from '../../src/wasi/resolve.ts'
import { DEFAULT_WASI_LIMITS } from '../../src/wasi/session.ts'
import { setStage } from './stage.ts'

const LIMITS = { ...DEFAULT_WASI_LIMITS, ...DEFAULT_MEMORY_LIMITS, links: MAX_SYMLINKS }

/** Where the guest keeps a path, a list, results, and much. */
const [PATH, LIST, RESULT, MUCH] = [65_536, 131_072, 60_000, 1_048_576]

interface Case {
  readonly limit: keyof typeof LIMITS
  /** What is in the mount. */
  readonly prepare?: (mount: string) => void
  /** An expression: what is told of `(local.get $n)`, which is `most` and then one more. */
  readonly tries: string
  readonly most?: number
  readonly told: readonly [within: number, over: number]
}

const N = '(local.get $n)'

/** Asks about the path that is `text` so many times. */
function aboutPath(folder: string, text: string): string {
  const bytes = [...Buffer.from(text)].map(
    (byte) =>
      `(i32.store8 (local.get $at) (i32.const ${byte}))
       (local.set $at (i32.add (local.get $at) (i32.const 1)))`,
  )
  const length = `(i32.mul ${N} (i32.const ${bytes.length}))`
  return `(local.set $at (i32.const ${PATH}))
    (loop $again ${bytes.join('\n')}
      (br_if $again (i32.lt_u (local.get $at) (i32.add (i32.const ${PATH}) ${length}))))
    (call $path_filestat_get (global.get ${folder}) (i32.const 1) (i32.const ${PATH}) ${length} (i32.const ${RESULT}))`
}

/** `.` and `..` are told of first; each entry has 24 bytes and its name. */
const DOTS_BYTES = 25 + 26
const ENTRY_BYTES = 24 + 5

const CASES: readonly Case[] = [
  {
    limit: 'nameBytes',
    tries: aboutPath('$tmp', 'x'),
    told: [Errno.NOENT, Errno.NAMETOOLONG],
  },
  {
    limit: 'pathBytes',
    tries: aboutPath('$root', './'),
    most: LIMITS.pathBytes / 2,
    told: [Errno.SUCCESS, Errno.NAMETOOLONG],
  },
  {
    limit: 'pathDepth',
    prepare: (mount) =>
      mkdirSync(join(mount, 'd/'.repeat(LIMITS.pathDepth + 1)), { recursive: true }),
    tries: aboutPath('$mount', 'd/'),
    told: [Errno.SUCCESS, Errno.NAMETOOLONG],
  },
  {
    limit: 'pathSteps',
    tries: aboutPath('$root', 'd/../'),
    most: LIMITS.pathSteps / 2,
    told: [Errno.SUCCESS, Errno.NAMETOOLONG],
  },
  {
    limit: 'links',
    prepare: (mount) => symlinkSync('.', join(mount, 'l')),
    tries: aboutPath('$mount', 'l/'),
    told: [Errno.SUCCESS, Errno.LOOP],
  },
  {
    limit: 'iovecs',
    tries: `(call $fd_write (i32.const 2) (i32.const ${LIST}) ${N} (i32.const ${RESULT}))`,
    told: [Errno.SUCCESS, Errno.INVAL],
  },
  {
    limit: 'transferBytes',
    tries: `(i32.store (i32.const ${LIST}) (i32.const ${MUCH}))
      (i32.store (i32.const ${LIST + 4}) ${N})
      (drop (call $fd_write (call $open_f (global.get $tmp)) (i32.const ${LIST}) (i32.const 1) (i32.const ${RESULT})))
      (i32.load (i32.const ${RESULT}))`,
    told: [LIMITS.transferBytes, LIMITS.transferBytes],
  },
  {
    limit: 'randomBytes',
    tries: `(call $random_get (i32.const ${MUCH}) ${N})`,
    told: [Errno.SUCCESS, Errno.INVAL],
  },
  {
    limit: 'entries',
    prepare: (mount) => {
      for (let at = 0; at < LIMITS.entries; at++)
        writeFileSync(join(mount, `f${String(at).padStart(4, '0')}`), '')
    },
    tries: `(call $fd_readdir (global.get $mount) (i32.const ${MUCH})
      (i32.add (i32.const ${DOTS_BYTES}) (i32.mul (i32.sub ${N} (i32.const 2)) (i32.const ${ENTRY_BYTES})))
      (i64.const 0) (i32.const ${RESULT}))`,
    told: [Errno.SUCCESS, Errno.OVERFLOW],
  },
  {
    limit: 'subscriptions',
    // Clocks that are due.
    tries: `(call $poll_oneoff (i32.const ${LIST}) (i32.const ${MUCH}) ${N} (i32.const ${RESULT}))`,
    told: [Errno.SUCCESS, Errno.INVAL],
  },
]

test.each(CASES)('$limit', async ({ limit, prepare, tries, most = LIMITS[limit], told }) => {
  const module = compileFields(
    limit,
    `(memory (export "memory") 64)
     (func $try (param $n i32) (result i32) (local $at i32) ${tries})
     (func (export "_start")
       (call $answer (call $try (i32.const ${most})) (call $try (i32.const ${most + 1}))))`,
  )
  using stage = setStage({ modules: { limit: module }, limits: 'cpu = "5s"' })
  prepare?.(stage.mount)
  const { body } = await stage.ask('hog', 'limit')
  expect([body.toString(), stage.failures()]).toEqual([`${told.join(' ')} `, []])
})

test('every limit of a call is there', () => {
  const { openFiles: _, ...ofCalls } = DEFAULT_WASI_LIMITS
  expect(CASES.map(({ limit }) => limit).sort()).toEqual(
    ['links', 'nameBytes', ...Object.keys(ofCalls)].sort(),
  )
})
