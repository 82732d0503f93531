/** How guests keep each other out of something in a mount: whatever makes a name that was not there is a lock. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { wat } from '../../support/wat.ts'
import { Client, configText, makeFolder, type Serving, serve } from './serve.ts'

/** Of each request. */
const INCREMENTS = 5
const REQUESTS = 16
/** In which both workers are to have had some. */
const MOST_ROUNDS = 10

const [EXIST, NOENT] = [20, 44]

interface Lock {
  readonly name: string
  /** Expressions: what takes it and what gives it back, each an errno. */
  readonly take: string
  readonly give: string
  /** What `take` answers where another one has it. */
  readonly taken: number
}

/** `lock`, `free` and `token`, which is there, at 1024, 1032 and 1040. */
const [LOCK, FREE, TOKEN] = [
  '(i32.const 1024) (i32.const 4)',
  '(i32.const 1032) (i32.const 4)',
  '(i32.const 1040) (i32.const 5)',
]

const UNLINK = `(call $unlink (i32.const 6) ${LOCK})`

const LOCKS: readonly Lock[] = [
  {
    name: 'a file made with O_CREAT and O_EXCL',
    take: `(call $open_closed ${LOCK})`,
    give: UNLINK,
    taken: EXIST,
  },
  {
    name: 'a folder',
    take: `(call $mkdir (i32.const 6) ${LOCK})`,
    give: `(call $rmdir (i32.const 6) ${LOCK})`,
    taken: EXIST,
  },
  {
    name: 'a second name of a file',
    take: `(call $link (i32.const 6) (i32.const 0) ${TOKEN} (i32.const 6) ${LOCK})`,
    give: UNLINK,
    taken: EXIST,
  },
  {
    name: 'a symbolic link',
    take: `(call $symlink ${TOKEN} (i32.const 6) ${LOCK})`,
    give: UNLINK,
    taken: EXIST,
  },
  {
    name: 'a name that a file is taken away from',
    take: `(call $rename (i32.const 6) ${FREE} (i32.const 6) ${LOCK})`,
    give: `(call $rename (i32.const 6) ${LOCK} (i32.const 6) ${FREE})`,
    taken: NOENT,
  },
]

/** Adds 1 to the number in `count`, so many times, with the lock; sleeps between reading and writing, as others may then. */
function counter({ take, give, taken }: Pick<Lock, 'take' | 'give' | 'taken'>): Uint8Array {
  const wasi = (name: string, as: string, types: string): string =>
    `(import "wasi_snapshot_preview1" "${name}" (func $${as} (param ${types}) (result i32)))`
  return wat(`(module
    ${wasi('path_open', 'open', 'i32 i32 i32 i32 i32 i64 i64 i32 i32')}
    ${wasi('path_unlink_file', 'unlink', 'i32 i32 i32')}
    ${wasi('path_create_directory', 'mkdir', 'i32 i32 i32')}
    ${wasi('path_remove_directory', 'rmdir', 'i32 i32 i32')}
    ${wasi('path_link', 'link', 'i32 i32 i32 i32 i32 i32 i32')}
    ${wasi('path_symlink', 'symlink', 'i32 i32 i32 i32 i32')}
    ${wasi('path_rename', 'rename', 'i32 i32 i32 i32 i32 i32')}
    ${wasi('fd_pread', 'pread', 'i32 i32 i32 i64 i32')}
    ${wasi('fd_pwrite', 'pwrite', 'i32 i32 i32 i64 i32')}
    ${wasi('fd_write', 'write', 'i32 i32 i32 i32')}
    ${wasi('fd_close', 'close', 'i32')}
    ${wasi('poll_oneoff', 'poll', 'i32 i32 i32 i32')}
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 1024) "lock")
    (data (i32.const 1032) "free")
    (data (i32.const 1040) "token")
    (data (i32.const 1048) "count")
    (data (i32.const 1056) "A:b\\0a\\0adone")
    ;; An iovec of the number at 8, and one of the answer.
    (data (i32.const 16) "\\08\\00\\00\\00\\04\\00\\00\\00\\20\\04\\00\\00\\09\\00\\00\\00")
    ;; A relative clock of 1 ms at 64.
    (func $sleep
      (i32.store (i32.const 80) (i32.const 1))
      (i64.store (i32.const 88) (i64.const 1000000))
      (drop (call $poll (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 192))))
    (func $must (param $errno i32) (if (local.get $errno) (then (call $exit (local.get $errno)))))
    (func $open_closed (param $at i32) (param $length i32) (result i32) (local $errno i32)
      (local.set $errno
        (call $open (i32.const 6) (i32.const 0) (local.get $at) (local.get $length)
          (i32.const 5) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 200)))
      (if (i32.eqz (local.get $errno)) (then (call $must (call $close (i32.load (i32.const 200))))))
      (local.get $errno))
    (func $add (local $fd i32)
      (call $must
        (call $open (i32.const 6) (i32.const 0) (i32.const 1048) (i32.const 5)
          (i32.const 0) (i64.const 70) (i64.const 0) (i32.const 0) (i32.const 200)))
      (local.set $fd (i32.load (i32.const 200)))
      (call $must (call $pread (local.get $fd) (i32.const 16) (i32.const 1) (i64.const 0) (i32.const 204)))
      (call $sleep)
      (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 1)))
      (call $must (call $pwrite (local.get $fd) (i32.const 16) (i32.const 1) (i64.const 0) (i32.const 204)))
      (call $must (call $close (local.get $fd))))
    (func (export "_start") (local $left i32) (local $errno i32)
      (local.set $left (i32.const ${INCREMENTS}))
      (loop $next
        (block $mine
          (loop $again
            (local.set $errno ${take})
            (br_if $mine (i32.eqz (local.get $errno)))
            (if (i32.ne (local.get $errno) (i32.const ${taken}))
              (then (call $must (local.get $errno))))
            (call $sleep)
            (br $again)))
        (call $add)
        (call $must ${give})
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br_if $next (local.get $left)))
      (call $must (call $write (i32.const 1) (i32.const 24) (i32.const 1) (i32.const 204)))))`)
}

test('increments with a lock are all there, of all instances of all workers; without one they are not', async () => {
  const folder = makeFolder()
  const data = join(folder, 'data')
  mkdirSync(data)
  const programs = [
    ...LOCKS,
    { name: 'none', take: '(i32.const 0)', give: '(i32.const 0)', taken: 0 },
  ]
  for (const [at, lock] of programs.entries())
    writeFileSync(join(folder, `${at}.wasm`), counter(lock))
  const tenant = `mounts = [{ host = "${data}", guest = "/data", writable = true }]`
  const serving = await serve({ folder, config: configText(folder, { tenant }) })
  const kept: Record<string, number> = {}
  const all: Record<string, number> = {}
  for (const [at, { name }] of programs.entries()) {
    for (const file of ['token', 'free']) writeFileSync(join(data, file), '')
    writeFileSync(join(data, 'count'), new Uint8Array(4))
    const requests = await askBothWorkers(serving, `${at}.wasm`)
    all[name] = requests * INCREMENTS
    kept[name] = readFileSync(join(data, 'count')).readUInt32LE()
  }
  const { none, ...locked } = kept
  const { none: wanted = 0, ...allLocked } = all
  expect(locked).toEqual(allLocked)
  expect(none).toBeLessThan(wanted)
})

/** Many at once, again and again until both workers have had some; how many there were. */
async function askBothWorkers({ socket, log }: Serving, program: string): Promise<number> {
  const from = log().length
  const line = new RegExp(`"pid":(\\d+)[^\n]*/${program}[^\n]*"msg":"access"`, 'g')
  const pids = () => [...log().slice(from).matchAll(line)].map(([, pid]) => pid)
  for (let round = 1; round <= MOST_ROUNDS; round++) {
    const clients = Array.from({ length: REQUESTS }, () => new Client(socket))
    const answers = await Promise.all(clients.map((client) => client.get(program)))
    for (const client of clients) client.close()
    expect(answers.map(({ body }) => body)).toEqual(answers.map(() => 'done'))
    await expect.poll(pids).toHaveLength(round * REQUESTS)
    if (new Set(pids()).size === 2) return round * REQUESTS
  }
  throw new Error(`one of the workers has had no request for ${program}`)
}
