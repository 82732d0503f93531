/**
 * What calls do between two checks of the guest. Every function of preview 1 has a row here with the dearest arguments known; a
 * function without one fails.
 */
import { beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { Lock, Oflags } from '../../../src/wasi/abi.ts'
import {
  CALL_WORK,
  MOST_UNCHECKED_MS,
  WORK_BETWEEN_CHECKS,
} from '../../../src/wasi/call-context.ts'
import { Errno } from '../../../src/wasi/errno.ts'
import { BEYOND_FUNCTIONS, WASI_FUNCTIONS } from '../../../src/wasi/host.ts'
import { createMemoryDirectory } from '../../../src/wasi/memory-directory.ts'
import { DEFAULT_WASI_LIMITS } from '../../../src/wasi/session.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { makeProbe, type Probe } from './probe.ts'
import { SlowDisk } from './slow-directory.ts'

/** What one call may do at most, in nanoseconds of a fast disk. */
const MOST_WORK = 3_000_000
/** The same in time, and generous: machines that run tests are busy. */
const MOST_MS = 20
/** After so many calls a check is due, whatever they are. */
const MOST_CALLS = WORK_BETWEEN_CHECKS / CALL_WORK + 1

const [SLOW, TMP] = [3, 4]
const [RESULT, LIST, BUFFER, MUCH] = [64, 1_000_000, 1_100_000, 1024 * 1024]
const { pathBytes, iovecs, randomBytes, subscriptions } = DEFAULT_WASI_LIMITS

interface Stage {
  readonly probe: Probe
  /** A file on the slow disk, and one of 16 MiB in memory. */
  readonly slowFile: number
  readonly bigFile: number
  readonly walk: Path
  readonly links: Path
  readonly inTmp: (name: string) => Path
}

type Path = readonly [pointer: number, length: number]

/** Makes the dearest call; answers its errno. */
type Row = (stage: Stage) => Promise<number>

/** The same call of a path that is long, and of one that leads through links. */
function walks(
  name: string,
  ...rest: readonly (number | bigint)[]
): readonly [string, Row, number][] {
  return [
    [`${name}: steps`, ({ probe, walk }) => probe.call(name, SLOW, ...walk, ...rest), TOO_LONG],
    [`${name}: links`, ({ probe, links }) => probe.call(name, SLOW, ...links, ...rest), TOO_LONG],
  ]
}

const TOO_LONG = Errno.NAMETOOLONG
const OK = Errno.SUCCESS

const ROWS: readonly (readonly [name: string, row: Row, errno: number])[] = [
  ['args_get', ({ probe }) => probe.call('args_get', LIST, BUFFER), OK],
  ['args_sizes_get', ({ probe }) => probe.call('args_sizes_get', RESULT, RESULT), OK],
  ['clock_res_get', ({ probe }) => probe.call('clock_res_get', 2, RESULT), OK],
  ['clock_time_get', ({ probe }) => probe.call('clock_time_get', 2, 0n, RESULT), OK],
  ['environ_get', ({ probe }) => probe.call('environ_get', LIST, BUFFER), OK],
  ['environ_sizes_get', ({ probe }) => probe.call('environ_sizes_get', RESULT, RESULT), OK],
  ['fd_advise', ({ probe, slowFile }) => probe.call('fd_advise', slowFile, 0n, 1n, 0), OK],
  [
    'fd_allocate',
    async ({ probe, bigFile }) => {
      await probe.call('fd_filestat_set_size', bigFile, 0n)
      return probe.call('fd_allocate', bigFile, 0n, 15n * BigInt(MUCH))
    },
    OK,
  ],
  [
    'fd_close',
    async ({ probe, inTmp }) => {
      await probe.call('path_open', TMP, 0, ...inTmp('d'), 0, 0n, 0n, 0, RESULT)
      await probe.call('fd_readdir', probe.u32(RESULT), BUFFER, 1_000, 0n, RESULT + 4)
      return probe.call('fd_close', probe.u32(RESULT))
    },
    OK,
  ],
  ['fd_datasync', ({ probe }) => probe.call('fd_datasync', TMP), OK],
  ['fd_fdstat_get', ({ probe, slowFile }) => probe.call('fd_fdstat_get', slowFile, RESULT), OK],
  ['fd_fdstat_set_flags', ({ probe, slowFile }) => setFlags(probe, slowFile), OK],
  ['fd_fdstat_set_rights', ({ probe }) => probe.call('fd_fdstat_set_rights', 2, 0n, 0n), OK],
  ['fd_filestat_get', ({ probe, slowFile }) => probe.call('fd_filestat_get', slowFile, RESULT), OK],
  [
    'fd_filestat_set_size: a disk',
    ({ probe, slowFile }) => probe.call('fd_filestat_set_size', slowFile, 1n << 50n),
    OK,
  ],
  [
    'fd_filestat_set_size: memory',
    async ({ probe, bigFile }) => {
      for (const at of [1n, 7n, 14n]) {
        await probe.call('fd_pwrite', bigFile, ...oneBuffer(probe, 1), at * BigInt(MUCH), RESULT)
      }
      await probe.call('fd_filestat_set_size', bigFile, 15n * BigInt(MUCH))
      return probe.call('fd_filestat_set_size', bigFile, 1n)
    },
    OK,
  ],
  [
    'fd_filestat_set_times',
    ({ probe, slowFile }) => probe.call('fd_filestat_set_times', slowFile, 1n, 1n, 5),
    OK,
  ],
  ...(['fd_pread', 'fd_pwrite'] as const).flatMap((name) => [
    [
      `${name}: many buffers on a disk`,
      ({ probe, slowFile }: Stage) => probe.call(name, slowFile, ...manyBuffers(probe), 0n, RESULT),
      OK,
    ] as const,
    [
      `${name}: much memory`,
      ({ probe, bigFile }: Stage) =>
        probe.call(name, bigFile, ...oneBuffer(probe, 2 * MUCH), 0n, RESULT),
      OK,
    ] as const,
  ]),
  ...(['fd_read', 'fd_write'] as const).flatMap((name) => [
    [
      `${name}: many buffers on a disk`,
      ({ probe, slowFile }: Stage) => probe.call(name, slowFile, ...manyBuffers(probe), RESULT),
      OK,
    ] as const,
    [
      `${name}: many buffers of a stream`,
      ({ probe }: Stage) =>
        probe.call(name, name === 'fd_read' ? 0 : 1, ...manyBuffers(probe), RESULT),
      OK,
    ] as const,
    [
      `${name}: much of a disk`,
      ({ probe, slowFile }: Stage) =>
        probe.call(name, slowFile, ...oneBuffer(probe, 2 * MUCH), RESULT),
      OK,
    ] as const,
  ]),
  ['fd_prestat_dir_name', ({ probe }) => probe.call('fd_prestat_dir_name', SLOW, BUFFER, 99), OK],
  ['fd_prestat_get', ({ probe }) => probe.call('fd_prestat_get', SLOW, RESULT), OK],
  ['fd_readdir: a disk', ({ probe }) => readDirectory(probe, SLOW, 0n), Errno.OVERFLOW],
  [
    'fd_readdir: far away',
    async ({ probe }) => {
      await probe.call('fd_readdir', SLOW, BUFFER, 24, 0n, RESULT)
      return readDirectory(probe, SLOW, 1n << 40n)
    },
    Errno.OVERFLOW,
  ],
  [
    'fd_readdir: a disk, a little at a time',
    ({ probe }) => probe.call('fd_readdir', SLOW, BUFFER, 4_096, 0n, RESULT),
    OK,
  ],
  ['fd_readdir: memory', ({ probe }) => readDirectory(probe, TMP, 0n), OK],
  [
    'fd_renumber',
    async ({ probe, inTmp }) => {
      for (const at of [RESULT, RESULT + 4]) {
        await probe.call('path_open', TMP, 0, ...inTmp('d'), 0, 0n, 0n, 0, at)
      }
      const errno = await probe.call('fd_renumber', probe.u32(RESULT), probe.u32(RESULT + 4))
      await probe.call('fd_close', probe.u32(RESULT + 4))
      return errno
    },
    OK,
  ],
  ['fd_seek', ({ probe, slowFile }) => probe.call('fd_seek', slowFile, 0n, 2, RESULT), OK],
  ['fd_sync', ({ probe }) => probe.call('fd_sync', TMP), OK],
  ['fd_tell', ({ probe, slowFile }) => probe.call('fd_tell', slowFile, RESULT), OK],
  ...walks('access', 0),
  ['alarm', ({ probe }) => probe.call('alarm', RESULT, 1, RESULT), OK],
  ...walks('chmod', 0),
  ['create_mode', ({ probe }) => probe.call('create_mode', 0), OK],
  ['fiber_new', ({ probe }) => probe.call('fiber_new', 0, RESULT), Errno.NOTSUP],
  ['fiber_switch', ({ probe }) => probe.call('fiber_switch', 0), Errno.INVAL],
  ['filter_input', ({ probe }) => probe.call('filter_input', 0), OK],
  ['finish_request', ({ probe }) => probe.call('finish_request', 0), Errno.INVAL],
  ['flock', ({ probe, slowFile }) => probe.call('flock', slowFile, Lock.Exclusive), OK],
  ['fstat', ({ probe, slowFile }) => probe.call('fstat', slowFile, RESULT), OK],
  ...walks('space', RESULT),
  ['stat: steps', ({ probe, walk }) => probe.call('stat', SLOW, 1, ...walk, RESULT), TOO_LONG],
  ['stat: links', ({ probe, links }) => probe.call('stat', SLOW, 1, ...links, RESULT), TOO_LONG],
  ...walks('path_create_directory'),
  ['path_filestat_get: steps', ({ probe, walk }) => stat(probe, walk), TOO_LONG],
  ['path_filestat_get: links', ({ probe, links }) => stat(probe, links), TOO_LONG],
  ['path_filestat_get: folders', ({ probe }) => stat(probe, folders(probe, 'f')), OK],
  [
    'path_filestat_get: a link behind folders',
    ({ probe }) => stat(probe, folders(probe, 'l/f')),
    TOO_LONG,
  ],
  ['path_filestat_set_times: steps', ({ probe, walk }) => setTimes(probe, walk), TOO_LONG],
  ['path_filestat_set_times: links', ({ probe, links }) => setTimes(probe, links), TOO_LONG],
  [
    'path_link',
    ({ probe, links }) => probe.call('path_link', SLOW, 0, ...links, SLOW, ...links),
    TOO_LONG,
  ],
  [
    'path_link: both',
    ({ probe }) =>
      probe.call('path_link', SLOW, 0, ...longest(probe, 'f'), SLOW, ...longest(probe, 'n')),
    OK,
  ],
  ['path_open: steps', ({ probe, walk }) => open(probe, SLOW, walk), TOO_LONG],
  ['path_open: links', ({ probe, links }) => open(probe, SLOW, links), TOO_LONG],
  [
    'path_open: a new file',
    async ({ probe, inTmp }) => {
      const errno = await open(probe, TMP, inTmp('new'))
      await probe.call('fd_close', probe.u32(RESULT))
      await probe.call('path_unlink_file', TMP, ...inTmp('new'))
      return errno
    },
    OK,
  ],
  ...walks('path_readlink', BUFFER, 4_096, RESULT),
  ...walks('path_remove_directory'),
  [
    'path_rename: both',
    ({ probe }) =>
      probe.call('path_rename', SLOW, ...longest(probe, 'f'), SLOW, ...longest(probe, 'n')),
    OK,
  ],
  [
    'path_rename: a full directory',
    async ({ probe, inTmp }) => {
      await probe.call('path_rename', TMP, ...inTmp('d'), TMP, ...probe.put(BUFFER, 'e/d'))
      return probe.call('path_rename', TMP, ...probe.put(BUFFER, 'e/d'), TMP, ...inTmp('d'))
    },
    OK,
  ],
  [
    'path_symlink',
    ({ probe, walk, links }) => probe.call('path_symlink', ...walk, SLOW, ...links),
    TOO_LONG,
  ],
  ...walks('path_unlink_file'),
  ['poll_oneoff: due clocks', ({ probe }) => poll(probe, 0, 1), OK],
  ['poll_oneoff: files', ({ probe, slowFile }) => poll(probe, 1, slowFile), OK],
  ['proc_raise', ({ probe }) => probe.call('proc_raise', 1), Errno.NOSYS],
  ['random_get', ({ probe }) => probe.call('random_get', BUFFER, randomBytes), OK],
  ['sched_yield', ({ probe }) => probe.call('sched_yield'), OK],
  ['sock_accept', ({ probe }) => probe.call('sock_accept', 0, 0, RESULT), Errno.NOTSOCK],
  ['sock_recv', ({ probe }) => probe.call('sock_recv', 0, 0, 0, 0, 0, 0), Errno.NOTSOCK],
  ['sock_send', ({ probe }) => probe.call('sock_send', 0, 0, 0, 0, 0), Errno.NOTSOCK],
  ['sock_shutdown', ({ probe }) => probe.call('sock_shutdown', 0, 0), Errno.NOTSOCK],
]

/** They end the guest: nothing comes between them and the end. */
const ENDING = ['proc_exit']

function setFlags(probe: Probe, fd: number): Promise<number> {
  return probe.call('fd_fdstat_set_flags', fd, 0)
}

function stat(probe: Probe, path: Path): Promise<number> {
  return probe.call('path_filestat_get', SLOW, 1, ...path, RESULT)
}

function setTimes(probe: Probe, path: Path): Promise<number> {
  return probe.call('path_filestat_set_times', SLOW, 1, ...path, 1n, 1n, 5)
}

function open(probe: Probe, fd: number, path: Path): Promise<number> {
  return probe.call('path_open', fd, 1, ...path, Oflags.Creat, 64n, 0n, 0, RESULT)
}

/** A path of as many steps as are allowed, the last of which is `name`. */
function longest(probe: Probe, name: string): Path {
  return probe.put(BUFFER + name.charCodeAt(0) * 1000, `${'d/../'.repeat(127)}d/${name}`)
}

let asked = 0

/** As many folders as are allowed, no two times the same. */
function folders(probe: Probe, name: string): Path {
  asked = (asked + 1) % 10_000
  return probe.put(BUFFER, `d${asked}/${'d/'.repeat(126)}${name}`)
}

function readDirectory(probe: Probe, fd: number, cookie: bigint): Promise<number> {
  return probe.call('fd_readdir', fd, BUFFER, 2 * MUCH, cookie, RESULT)
}

function oneBuffer(probe: Probe, length: number): [pointer: number, count: number] {
  return probe.iovecs(LIST, BUFFER, length)
}

function manyBuffers(probe: Probe): [pointer: number, count: number] {
  return probe.iovecs(LIST, ...Array<number[]>(iovecs).fill([BUFFER, 100]).flat())
}

function poll(probe: Probe, type: number, fd: number): Promise<number> {
  probe.bytes.fill(0, LIST, LIST + subscriptions * 48)
  for (let each = 0; each < subscriptions; each++) {
    probe.bytes[LIST + each * 48 + 8] = type
    probe.bytes[LIST + each * 48 + 16] = fd
  }
  return probe.call('poll_oneoff', LIST, BUFFER, subscriptions, RESULT)
}

const disk = new SlowDisk()
const clock = new FakeClock()
const counter = new WebAssembly.Global({ value: 'i32', mutable: true }, 0)

async function setStage(): Promise<Stage> {
  const variable = `NAME=${'v'.repeat(250)}`
  const probe = await makeProbe({
    args: Array<string>(1000).fill(variable),
    env: Array<string>(1000).fill(variable),
    clock,
    preopens: [
      { guestPath: '/', directory: disk.root },
      { guestPath: '/tmp', directory: createMemoryDirectory(clock) },
    ],
  })
  probe.memory.grow(60)
  probe.host.attach(probe.memory, counter)
  const openFile = async (fd: number, name: string): Promise<number> => {
    const opened = await probe.open(fd, name, { oflags: fd === TMP ? Oflags.Creat : 0 })
    expect(opened.errno).toBe(OK)
    return opened.fd
  }
  const slowFile = await openFile(SLOW, 'file')
  const bigFile = await openFile(TMP, 'big')
  for (const name of ['d', 'e']) await probe.onPath('path_create_directory', TMP, name)
  for (let each = 0; each < 900; each++) {
    const fd = await openFile(TMP, `d/${'n'.repeat(240)}${each}`)
    await probe.call('fd_close', fd)
  }
  const paths = 2_000_000
  return {
    probe,
    slowFile,
    bigFile,
    walk: probe.put(paths, `${'d/../'.repeat(pathBytes / 5 - 1)}d`),
    links: probe.put(paths + 5_000, `${'d/../'.repeat(100)}l/l`),
    inTmp: (name) => probe.put(paths + 10_000, name),
  }
}

function checked(nowMs: number): void {
  counter.value = 1_000_000
  stage.probe.host.checked(nowMs)
}

const isCheckDue = (): boolean => Number(counter.value) < 0

test('every function has a row', () => {
  const named = ROWS.map(([name]) => name.split(':')[0])
  const all = [...WASI_FUNCTIONS, ...BEYOND_FUNCTIONS].sort()
  expect([...new Set([...named, ...ENDING])].sort()).toEqual(all)
})

let stage: Stage

beforeAll(async () => {
  stage = await setStage()
})

for (const [name, row, wanted] of ROWS) {
  test(`${name}: work is charged for before it is done`, async () => {
    disk.onWork = () => undefined
    expect(await row(stage)).toBe(wanted)
    const rounds: number[] = []
    for (let round = 0; round < 5; round++) {
      checked(clock.nowMs())
      disk.work = 0
      const before = systemClock.threadCpuMs()
      for (let calls = 0; !isCheckDue(); calls++) {
        expect(calls).toBeLessThanOrEqual(MOST_CALLS)
        // All the work until now has been charged for, or a check would be due.
        const doneBefore = disk.work
        expect(doneBefore).toBeLessThanOrEqual(WORK_BETWEEN_CHECKS)
        await row(stage)
        expect(disk.work - doneBefore).toBeLessThanOrEqual(MOST_WORK)
      }
      rounds.push(systemClock.threadCpuMs() - before)
    }
    expect(Math.min(...rounds)).toBeLessThan(MOST_MS)
  })

  // It would wait.
  if (name === 'sched_yield') continue

  test(`${name}: what takes long is followed by a check, whatever was charged`, async () => {
    const { ns } = clock
    const beforeMs = clock.nowMs()
    checked(beforeMs)
    disk.onWork = () => {
      clock.ns += BigInt(MOST_UNCHECKED_MS * 2e6)
      checked(beforeMs) // as if nothing had been charged for
    }
    disk.work = 0
    await row(stage)
    if (disk.work > 0) expect(isCheckDue()).toBe(true)
    clock.ns = ns
  })
}
