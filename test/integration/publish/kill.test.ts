/** `kill -9` at any point of publishing, signing, canaries, promoting, rolling back and collecting: WASM_FPM_KILLS=1000 for more of it. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'

const KILLS = Number(process.env['WASM_FPM_KILLS'] ?? 200)
/** Stores at the same time. */
const LANES = 2
/** Operations of three rounds, more or less: every point of them is met by 330 kills. */
const OPERATIONS = 330
const WRITER = fileURLToPath(new URL('kill-writer.ts', import.meta.url))

test(`${KILLS} kills leave the old or the new release live and nothing damaged`, {
  timeout: 60_000 + KILLS * 2000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-kill-'))
  try {
    const lanes = Array.from({ length: LANES }, (_, lane) =>
      killOften(join(folder, String(lane)), lane),
    )
    const switches = await Promise.all(lanes)
    // Whether anything was ever published at all.
    expect(switches.every((count) => count > 0)).toBe(true)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

/** Answers how many switches were seen to be done. */
async function killOften(store: string, lane: number): Promise<number> {
  let state = '-/-'
  let switches = 0
  const signed = new Set<string>()
  for (let kill = lane; kill < KILLS; kill += LANES) {
    const said = await runWriter(store, 1 + ((kill * 37) % OPERATIONS), kill)
    for (const [word, release = ''] of said) if (word === 'signed') signed.add(release)
    const states = said.filter(([word]) => word !== 'signed')
    const sure = states.filter(([word]) => word === 'done').map(([, one]) => one ?? '')
    switches += sure.length
    const possible = new Set([sure.at(-1) ?? state, states.at(-1)?.[1] ?? state])
    state = await expectSound(store, possible, signed)
  }
  return switches
}

/** Answers what is live, and its canary. */
async function expectSound(
  folder: string,
  possible: ReadonlySet<string>,
  signed: ReadonlySet<string>,
): Promise<string> {
  const store = await DirectoryStore.make(folder, { clock: systemClock })
  const { release = '-', canary } = (await store.state('acme')).handlers['main'] ?? {}
  const state = `${release}/${canary?.release ?? '-'}`
  expect([...possible]).toContain(state)
  const { problems } = await store.check()
  expect(problems).toEqual([])
  const signatures = new Set((await store.signatures('acme')).map((one) => one.release))
  const lost = state.split('/').filter((one) => signed.has(one) && !signatures.has(one))
  expect(lost).toEqual([])
  return state
}

/** Resolves with its lines, word by word, when it has been killed. */
function runWriter(store: string, killAt: number, seed: number): Promise<string[][]> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [WRITER, store, String(killAt), String(seed)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [said, complaints] = ['', '']
    child.stdout.on('data', (chunk) => {
      said += String(chunk)
    })
    child.stderr.on('data', (chunk) => {
      complaints += String(chunk)
    })
    child.on('close', (code, signal) => {
      if (signal !== 'SIGKILL') reject(new Error(`ended with ${code}: ${complaints}`))
      else
        resolve(
          said
            .split('\n')
            .filter((line) => line !== '')
            .map((line) => line.split(' ')),
        )
    })
  })
}
