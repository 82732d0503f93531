/**
 * `kill -9` at 1,000 points: every operation on the file system of publishing, signing, canaries, promoting, rolling back
 * and collecting. Each leaves the old or the new release live, nothing damaged, and a store that can be published to.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { nodeFiles } from '../../../src/store/store-files.ts'
import { release } from '../../unit/store/drafts.ts'

/** More than 1,002 are the same points again, in stores that look otherwise. */
const KILLS = Number(process.env['WASM_FPM_KILLS'] ?? 1000)
/** Stores at the same time. */
const LANES = 4
/** Of rounds; see `kill-writer.ts`. */
const KINDS = 6
/** Operations of the longest round, and 30 of the one after it. */
const OPERATIONS = 167
const POINTS = KINDS * OPERATIONS
/** All of a store is looked at after each kill: it must not become large. */
const KILLS_OF_A_STORE = 25
/** Has no factor in common with `POINTS`: neighbours in time are not neighbours in the code. */
const STRIDE = 37
const WRITER = fileURLToPath(new URL('kill-writer.ts', import.meta.url))

test(`${KILLS} kills leave the old or the new release live and nothing damaged`, {
  timeout: 60_000 + KILLS * 2000,
  // Nothing in here races with anybody: one that fails has found something.
  retry: 0,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-kill-'))
  try {
    const run = writerIn(folder)
    // One that ends by itself leaves its compiled code for the others: most of their time would be compiling.
    expect(await run(join(folder, 'none'), { killAt: 0, seed: 0 })).toEqual([])
    const lanes = Array.from({ length: LANES }, (_, lane) =>
      killOften(join(folder, String(lane)), { lane, run }),
    )
    const switches = await Promise.all(lanes)
    // Whether anything was ever published at all.
    expect(switches.every((count) => count > 0)).toBe(true)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

/** Runs a writer; resolves with its lines, word by word, when it has been killed. */
type RunWriter = (
  store: string,
  point: { readonly killAt: number; readonly seed: number },
) => Promise<string[][]>

/** Answers how many switches were seen to be done. */
async function killOften(
  folder: string,
  { lane, run }: { readonly lane: number; readonly run: RunWriter },
): Promise<number> {
  let store = await DirectoryStore.make(folder, { clock: systemClock })
  let state = '-/-'
  let switches = 0
  const signed = new Set<string>()
  const share = Math.ceil(KILLS / LANES)
  for (let kill = lane * share; kill < Math.min(KILLS, (lane + 1) * share); kill += 1) {
    if (kill % KILLS_OF_A_STORE === 0) {
      rmSync(folder, { recursive: true, force: true })
      store = await DirectoryStore.make(folder, { clock: systemClock })
      state = '-/-'
      signed.clear()
    }
    const point = (kill * STRIDE) % POINTS
    const seed = kill * KINDS + (point % KINDS)
    const said = await run(folder, { killAt: 1 + Math.floor(point / KINDS), seed })
    for (const [word, digest = ''] of said) if (word === 'signed') signed.add(digest)
    const states = said.filter(([word]) => word !== 'signed')
    const sure = states.filter(([word]) => word === 'done').map(([, one]) => one ?? '')
    switches += sure.length
    const possible = new Set([sure.at(-1) ?? state, states.at(-1)?.[1] ?? state])
    state = await expectSound(store, possible, signed)
    const next = await publishNext(store, kill)
    if (next.tenant === 'acme') state = `${next.release}/-`
  }
  return switches
}

/** Half of the times for another tenant, so that a canary is there for the next writer to find. */
function publishNext(store: DirectoryStore, kill: number) {
  const tenant = kill % 4 < 2 ? 'acme' : 'other'
  return release(store, nodeFiles, { tenant, module: `next ${kill}` })
}

/** Answers what is live, and its canary. */
async function expectSound(
  store: DirectoryStore,
  possible: ReadonlySet<string>,
  signed: ReadonlySet<string>,
): Promise<string> {
  const { release: live = '-', canary } = (await store.state('acme')).handlers['main'] ?? {}
  const state = `${live}/${canary?.release ?? '-'}`
  expect([...possible]).toContain(state)
  const { problems } = await store.check()
  expect(problems).toEqual([])
  const signatures = new Set((await store.signatures('acme')).map((one) => one.release))
  const lost = state.split('/').filter((one) => signed.has(one) && !signatures.has(one))
  expect(lost).toEqual([])
  return state
}

function writerIn(folder: string): RunWriter {
  const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compiled') }
  return (store, { killAt, seed }) =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [WRITER, store, String(killAt), String(seed)], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env,
      })
      let [said, complaints] = ['', '']
      child.stdout.on('data', (chunk) => {
        said += String(chunk)
      })
      child.stderr.on('data', (chunk) => {
        complaints += String(chunk)
      })
      child.on('close', (code, signal) => {
        const isAsWanted = killAt === 0 ? code === 0 : signal === 'SIGKILL'
        if (isAsWanted) resolve(wordsOf(said))
        else reject(new Error(`ended with ${code ?? signal}: ${complaints}`))
      })
    })
}

function wordsOf(text: string): string[][] {
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.map((line) => line.split(' '))
}
