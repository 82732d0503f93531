/** Guests that want more of a writable mount than they may keep there. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CREATE, type FileStep, fileProgram } from '../support/file-program.ts'
import { HELLO, setStage } from './stage.ts'

const EDQUOT = '19'

interface Case {
  readonly name: string
  readonly steps: readonly FileStep[]
  readonly repeat?: number
  readonly quota: string
  /** How the answer ends. */
  readonly ends: string
  readonly bytes: number
  readonly names: number
}

const CASES: readonly Case[] = [
  {
    name: 'bytes, a little at a time',
    steps: [{ do: 'write', path: 'f', text: 'x'.repeat(1024) }],
    quota: 'quota = "10KiB"',
    repeat: 12,
    ends: `0 ${EDQUOT} ${EDQUOT}`,
    bytes: 10 * 1024,
    names: 1,
  },
  {
    name: 'bytes, by size alone',
    steps: [{ do: 'resize', size: 2 ** 40 }],
    quota: 'quota = "10KiB"',
    ends: EDQUOT,
    bytes: 0,
    names: 1,
  },
  {
    name: 'bytes of files that were removed and are still open',
    steps: [
      { do: 'open', path: 'g', ...CREATE },
      { do: 'write', text: 'x'.repeat(4096) },
      { do: 'unlink', path: 'g' },
    ],
    quota: 'quota = "10KiB"',
    repeat: 3,
    ends: `0 ${EDQUOT} 0`,
    bytes: 0,
    names: 1,
  },
  {
    name: 'names',
    steps: [
      { do: 'mkdir', path: 'd' },
      { do: 'symlink', target: 'd', path: 's' },
      { do: 'link', path: 'f', to: 'l' },
    ],
    quota: 'quota_files = 3',
    ends: `0 0 ${EDQUOT}`,
    bytes: 0,
    names: 3,
  },
]

for (const { name, steps, repeat = 1, quota, ends, bytes, names } of CASES) {
  test(name, async () => {
    const opens = fileProgram([{ do: 'open', path: 'f', ...CREATE }])
    const greedy = fileProgram(steps, { repeat, first: [{ do: 'open', path: 'f', ...CREATE }] })
    using stage = setStage({
      modules: { opens, greedy },
      quota: `, ${quota}`,
      limits: '',
    })
    expect((await stage.ask('hog', 'opens')).body.toString().trim()).toBe('0')
    expect((await stage.ask('hog', 'greedy')).body.toString().trim().endsWith(` ${ends}`)).toBe(
      true,
    )
    expect(readdirSync(stage.mount)).toHaveLength(names)
    expect(statSync(join(stage.mount, 'f')).size).toBe(bytes)
    expect((await stage.ask('neighbour', 'hello')).body.toString()).toBe(HELLO)
  })
}
