/** Who may command whose server. */
import { execFile } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PROGRAM } from '../../support/program.ts'
import { makeFolder, serve } from './serve.ts'

const isRoot = process.getuid?.() === 0
const GAMES = 5
const NOBODY = 65_534

interface Told {
  readonly code: number
  readonly output: string
}

/** Runs a command about the configuration in `folder` as a user. */
function tell(folder: string, uid: number, args: readonly string[]): Promise<Told> {
  const env = { ...process.env, TMPDIR: join(folder, 'tmp') }
  const all = [...PROGRAM, ...args, '--config', join(folder, 'wasm-fpm.toml')]
  return new Promise((done) => {
    execFile(process.execPath, all, { env, uid, gid: uid }, (error, stdout, stderr) =>
      done({ code: error === null ? 0 : Number(error.code), output: stdout + stderr }),
    )
  })
}

/** A server of the user `games`, with a folder for temporary files that everybody shares. */
async function serveAsGames(configOwner: number) {
  const folder = makeFolder()
  const tmp = join(folder, 'tmp')
  mkdirSync(tmp)
  chmodSync(tmp, 0o1777)
  chownSync(folder, GAMES, GAMES)
  writeFileSync(join(folder, 'wasm-fpm.toml'), '')
  chownSync(join(folder, 'wasm-fpm.toml'), configOwner, configOwner)
  const env = { ...process.env, TMPDIR: tmp }
  return serve({ folder, spawn: { uid: GAMES, gid: GAMES, env } })
}

const OWNERS = [
  { name: 'its own', owner: GAMES },
  { name: "root's", owner: 0 },
]

test.skipIf(!isRoot).for(OWNERS)(
  "root commands another user's server, the configuration is $name",
  async ({ owner }) => {
    const { folder, exit } = await serveAsGames(owner)
    expect(await tell(folder, 0, ['status'])).toMatchObject({
      code: 0,
      output: expect.stringContaining('site'),
    })
    expect(await tell(folder, 0, ['reload'])).toMatchObject({ code: 0 })
    expect(await tell(folder, NOBODY, ['status'])).toMatchObject({
      code: 1,
      output: expect.stringMatching(/MASTER_NOT_RUNNING.*by its user and by root/s),
    })
    expect(await tell(folder, 0, ['stop'])).toMatchObject({ code: 0 })
    expect(await exit).toBe(0)
    expect(await tell(folder, 0, ['stop'])).toMatchObject({
      code: 1,
      output: expect.stringContaining('next: start it ('),
    })
  },
)

test.skipIf(!isRoot)(
  "what lies in another user's name but is not theirs is not asked",
  async () => {
    const { folder } = await serveAsGames(GAMES)
    // Somebody else could have made the folder, and put any socket there.
    chownSync(join(folder, 'tmp', `wasm-fpm-${GAMES}`), NOBODY, NOBODY)
    expect(await tell(folder, 0, ['status'])).toMatchObject({
      code: 1,
      output: expect.stringContaining('MASTER_NOT_RUNNING'),
    })
  },
)
