import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  blockedAt,
  findPerson,
  mayUse,
  READ,
  WRITE,
} from '../../../../src/cli/doctor/permission.ts'
import { checkPool, type Surroundings } from '../../../../src/cli/doctor/pool-checks.ts'
import { parseConfig } from '../../../../src/config/parse.ts'

const ME = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }

const ACCOUNTS = {
  passwd:
    'root:x:0:0::/root:/bin/sh\nweb:x:4001:4001::/:/bin/false\nacme:x:4002:4002::/:/bin/false\n',
  group: 'root:x:0:\nweb:x:4001:\nacme:x:4002:\nshared:x:4003:someone,web\n',
}

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-doctor-'))
  chmodSync(folder, 0o755)
})
afterEach(() => rmSync(folder, { recursive: true }))

function check(keys: string, around: Partial<Surroundings> = {}): string[] {
  const config = parseConfig(`[[pool]]\nname = "www"\n${keys}`, join(folder, 'wasm-fpm.toml'))
  const surroundings = { accounts: ACCOUNTS, uid: 0, gid: 0, webUser: 'web', ...around }
  return config.pools
    .flatMap((pool) => checkPool(pool, surroundings))
    .map(({ status, actual }) => `${status} ${actual}`)
}

const SOCKET = 'listen = ["./www.sock"]\n'

const CASES: ReadonlyArray<
  readonly [name: string, keys: string, found: readonly string[], around?: Partial<Surroundings>]
> = [
  [
    'a pool for everybody’s good',
    `${SOCKET}user = "acme"\nlisten_owner = "web"`,
    ['ok acme', 'ok web can connect'],
  ],
  [
    'by group',
    `${SOCKET}user = "acme"\nlisten_group = "shared"`,
    ['ok acme', 'ok web can connect'],
  ],
  [
    'owned by the workers alone',
    `${SOCKET}user = "acme"`,
    ['ok acme', 'fail web cannot connect: owner 4002, group 4002, mode 0660'],
  ],
  [
    'a mode without the group',
    `${SOCKET}user = "acme"\nlisten_group = "shared"\nlisten_mode = "0600"`,
    ['ok acme', 'fail web cannot connect: owner 4002, group 4003, mode 0600'],
  ],
  ['workers as root', `${SOCKET}listen_owner = "web"`, ['warn root', 'ok web can connect']],
  [
    'no such user',
    `${SOCKET}user = "gone"\nlisten_owner = "web"\nlisten_group = "web"`,
    ['fail gone: does not exist', 'ok web can connect'],
  ],
  [
    'no such owner',
    `${SOCKET}user = "acme"\nlisten_owner = "gone"`,
    ['ok acme', 'fail listen_owner or listen_group does not exist'],
  ],
  [
    'another user without being root',
    `${SOCKET}user = "acme"\nlisten_owner = "web"`,
    ['fail acme, but this is user 4001', 'ok web can connect'],
    { uid: 4001 },
  ],
  [
    'no such web server',
    `${SOCKET}user = "acme"`,
    ['ok acme', 'warn cannot tell who may connect: there is no user nginx'],
    { webUser: 'nginx' },
  ],
  [
    'a socket of systemd',
    'listen = ["systemd:www"]\nuser = "acme"',
    ['ok acme', 'ok opened by whoever starts the server'],
  ],
  [
    'loopback',
    'listen = ["127.0.0.1:9000"]\nuser = "acme"',
    ['ok acme', 'warn every user of this machine can connect'],
  ],
  [
    'an open port',
    'listen = ["9000"]\ninsecure_listen = true\nuser = "acme"',
    ['ok acme', 'warn whoever reaches it can run any handler as any visitor'],
  ],
  [
    'a guarded port',
    'listen = ["9000"]\nallowed_clients = ["10.0.0.0/8"]\nuser = "acme"',
    ['ok acme', 'ok for 10.0.0.0/8'],
  ],
]
for (const [name, keys, found, around] of CASES) {
  test(name, () => {
    // A user that is not root must own the folder of the socket in this test.
    const isOther = around?.uid !== undefined
    if (isOther) chmodSync(folder, 0o1777)
    expect(check(keys, around)).toEqual(found)
  })
}

test('the folder of the socket', () => {
  const keys = 'listen = ["sub/www.sock"]\nuser = "acme"\nlisten_owner = "web"'
  expect(check(keys)[1]).toBe(`fail ${folder}/sub does not exist`)
  mkdirSync(join(folder, 'sub'))
  chmodSync(join(folder, 'sub'), 0o777)
  expect(check(keys)[1]).toBe(`fail ${folder}/sub: everybody can put a socket in its place`)
  chmodSync(join(folder, 'sub'), 0o755)
  expect(check(keys)[1]).toBe('ok web can connect')
  expect(check(keys, { uid: 4002 })[1]).toBe(`fail ${folder}/sub: user 4002 cannot write there`)
  chmodSync(join(folder, 'sub'), 0o750)
  expect(check(keys)[1]).toBe(`fail web cannot pass ${folder}/sub`)
})

test('who is who', () => {
  expect(findPerson('web', ACCOUNTS)).toEqual({
    name: 'web',
    uid: 4001,
    gids: new Set([4001, 4003]),
  })
  expect(findPerson('4001', ACCOUNTS)?.name).toBe('web')
  expect(findPerson('acme', ACCOUNTS, 'shared')?.gids).toEqual(new Set([4003]))
  expect(findPerson('99', ACCOUNTS)).toEqual({ name: '99', uid: 99, gids: new Set([99]) })
  expect(findPerson('gone', ACCOUNTS)).toBeUndefined()
  expect(findPerson('acme', ACCOUNTS, 'gone')).toBeUndefined()
})

const PERMISSIONS: ReadonlyArray<
  readonly [uid: number, gid: number, mode: number, wanted: number, may: boolean]
> = [
  [0, 0, 0o000, READ | WRITE, true],
  [1, 9, 0o400, READ, true],
  [1, 9, 0o077, READ, false],
  [9, 2, 0o040, READ, true],
  [9, 2, 0o707, READ, false],
  [9, 9, 0o004, READ, true],
  [9, 9, 0o006, READ | WRITE, true],
  [9, 9, 0o664, READ | WRITE, false],
]
for (const [uid, gid, mode, wanted, may] of PERMISSIONS) {
  test(`user ${uid}, group ${gid} on 1:2 0${mode.toString(8)}`, () => {
    const person = { name: 'x', uid, gids: new Set([gid]) }
    expect(mayUse(person, { uid: 1, gid: 2, mode }, wanted)).toBe(may)
  })
}

test('where the way is blocked', () => {
  mkdirSync(join(folder, 'a/b'), { recursive: true })
  const person = { name: 'x', uid: ME.uid + 4000, gids: new Set([ME.gid + 4000]) }
  expect(blockedAt(person, join(folder, 'a/b/file'))).toBeUndefined()
  chmodSync(join(folder, 'a'), 0o700)
  expect(blockedAt(person, join(folder, 'a/b/file'))).toBe(join(folder, 'a'))
  expect(blockedAt(person, join(folder, 'gone/file'))).toBe(join(folder, 'gone'))
})
