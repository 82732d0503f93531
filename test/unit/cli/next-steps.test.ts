/** Every error that a command can end with says what to do next, and what it says exists. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { expect, test } from 'vitest'
import { NEXT_STEPS, nextStep } from '../../../src/cli/next-steps/next-step.ts'
import { makeProgram } from '../../../src/cli/program.ts'
import {
  adminSchema,
  limitsSchema,
  mainSchema,
  poolSchema,
  queueSchema,
  runtimeSchema,
  tenantSchema,
} from '../../../src/config/schema.ts'

const ROOT = join(import.meta.dirname, '../../..')
const SOURCES = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readFileSync(join(ROOT, 'src', name), 'utf8'))

/** Codes in unions (`| 'STORE_FULL'`), and those that errors are made with. */
const CODES = new Set(
  SOURCES.flatMap((text) => {
    const unions = [...text.matchAll(/export type \w+Code =\n((?: {2}(?:\/\*\*.*|\|.*|\*.*)\n)+)/g)]
    const declared = unions.flatMap(([, union = '']) => [...union.matchAll(/\| '([A-Z0-9_]+)'/g)])
    const made = [...text.matchAll(/new \w*Error\(\s*'([A-Z]+_[A-Z0-9_]+)'/g)]
    return [...declared, ...made].map(([, code = '']) => code)
  }),
)

test('every code has a next step, and no other', () => {
  expect(CODES.size).toBeGreaterThan(150)
  expect([...CODES].filter((code) => nextStep(code) === undefined)).toEqual([])
  expect(Object.keys(NEXT_STEPS).filter((code) => !CODES.has(code))).toEqual([])
  expect(nextStep('constructor')).toBeUndefined()
})

/** What can be looked up: a command, a page, a file, a key with a value; or a verb to begin with. */
const VERBS =
  /^(?:add|allow|ask|build|change|check|chmod|choose|compare|export|give|install|leave|let|look|make|move|name|nothing|open|print|publish|push|put|raise|recurse|rename|run|see|send|start|take|try|use|wait|write|it is a fault)\b/
test.for(Object.entries(NEXT_STEPS))('%s: something to do, in one line', ([, step]) => {
  expect(step).not.toMatch(/[\n\u2026]|\.$/)
  expect(step.length).toBeLessThan(160)
  expect(VERBS.test(step) || /`[a-z./-]+ ?[^`]*`|^GET \//.test(step)).toBe(true)
})

function find(command: Command, words: readonly string[]): Command {
  const [name, ...rest] = words
  const child = command.commands.find((one) => one.name() === name)
  return child === undefined ? command : find(child, rest)
}

test.for(Object.entries(NEXT_STEPS))('%s: commands, options, pages and keys exist', ([, step]) => {
  for (const [, line = ''] of step.matchAll(/`wasm-fpm ([^`]+)`/g)) {
    if (line.startsWith('help ')) continue
    const words = line.split(' ')
    const command = find(makeProgram(), words)
    expect(command.name(), line).not.toBe('wasm-fpm')
    const known = command.options.flatMap(({ long, short }) => [long, short])
    for (const word of words.filter((one) => one.startsWith('-'))) expect(known).toContain(word)
  }
  for (const [page] of step.matchAll(/docs\/[a-z]+\.md/g)) {
    expect(existsSync(join(ROOT, page)), page).toBe(true)
  }
  const schemas = { limits: limitsSchema, queue: queueSchema }
  for (const [, table = '', key = ''] of step.matchAll(/(?<!docs\/)\b(limits|queue)\.([a-z_]+)/g)) {
    expect(Object.keys(schemas[table as keyof typeof schemas].shape)).toContain(key)
  }
  const all = [mainSchema, poolSchema, runtimeSchema, tenantSchema, adminSchema].flatMap((one) =>
    Object.keys(one.shape),
  )
  for (const [key] of step.matchAll(/\b(?<!limits\.)[a-z]+_[a-z_]+\b/g)) {
    if (key !== 'fastcgi_pass' && key !== 'proxy_pass') expect(all).toContain(key)
  }
})
