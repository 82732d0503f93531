/** `kill -9` at any point of publishing and collecting: WASM_FPM_KILLS=1000 for more of it. */
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
/** Operations of two rounds, more or less: every point of them is met. */
const OPERATIONS = 190
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
  let live = ''
  let switches = 0
  for (let kill = lane; kill < KILLS; kill += LANES) {
    const said = await runWriter(store, 1 + ((kill * 37) % OPERATIONS), kill)
    const sure = said.filter(([word]) => word === 'live').map(([, release]) => release ?? '')
    switches += sure.length
    const possible = new Set([sure.at(-1) ?? live, said.at(-1)?.[1] ?? live])
    live = await expectSound(store, possible)
  }
  return switches
}

/** Answers what is live. */
async function expectSound(folder: string, possible: ReadonlySet<string>): Promise<string> {
  const store = await DirectoryStore.make(folder, { clock: systemClock })
  const live = (await store.state('acme')).handlers['main']?.release ?? ''
  expect([...possible]).toContain(live)
  const { problems } = await store.check()
  expect(problems).toEqual([])
  return live
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
