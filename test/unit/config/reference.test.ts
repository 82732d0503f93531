/** docs/config.md and the schema say the same, in both directions. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { z } from 'zod'
import { parseConfig } from '../../../src/config/parse.ts'
import {
  adminSchema,
  agentSchema,
  followSchema,
  handlerLimitsSchema,
  handlerSchema,
  limitsSchema,
  logSchema,
  mainSchema,
  metricsSchema,
  mountSchema,
  outboundSchema,
  poolSchema,
  queueSchema,
  runtimeSchema,
  tenantSchema,
} from '../../../src/config/schema.ts'

const PAGE = readFileSync(new URL('../../../docs/config.md', import.meta.url), 'utf8')

const SECTIONS: ReadonlyArray<readonly [heading: string, schema: z.ZodObject]> = [
  ['The file itself', mainSchema],
  ['`[log]`', logSchema],
  ['`[admin]`', adminSchema],
  ['`[agent]`', agentSchema],
  ['`[metrics]`', metricsSchema],
  ['`[follow]`', followSchema],
  ['`[[pool]]`', poolSchema],
  ['`[[runtime]]`', runtimeSchema],
  ['`[[tenant]]`', tenantSchema],
  ['`[[tenant.handlers]]`', handlerSchema],
  ['`[tenant.handlers.limits]`', handlerLimitsSchema],
  ['`[[tenant.mounts]]`', mountSchema],
  ['`[[tenant.outbound]]`', outboundSchema],
  ['`[tenant.limits]`', limitsSchema],
  ['`[tenant.queue]`', queueSchema],
]

function documented(heading: string): string[] {
  const section = PAGE.split('\n## ').find((part) => part.startsWith(`${heading}\n`)) ?? ''
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split(' | ').slice(0, 3).join(' | '))
    .sort()
}

function defined(schema: z.ZodObject): string[] {
  return Object.entries(schema.shape)
    .map(([name, key]) => {
      const { type, standard } = described(key)
      return `| \`${name}\` | ${type} | ${standard}`
    })
    .sort()
}

/** A key with no reference of its own is a table or an array of tables. */
function described(schema: z.core.$ZodType): { type: string; standard: string } {
  const reference: unknown = Reflect.get(schema, 'meta').call(schema)?.reference
  if (isReference(reference)) {
    const isWritten =
      /^["[{0-9]|^(?:true|false)$/.test(reference.default) && !reference.default.includes(',')
    return {
      type: reference.type,
      standard: isWritten ? `\`${reference.default}\`` : reference.default,
    }
  }
  const isArray = JSON.stringify(Reflect.get(schema, 'parse').call(schema, undefined)) === '[]'
  return isArray ? { type: 'tables', standard: 'none' } : { type: 'table', standard: 'see below' }
}

function isReference(value: unknown): value is { type: string; default: string } {
  return typeof value === 'object' && value !== null && 'type' in value && 'default' in value
}

for (const [heading, schema] of SECTIONS) {
  test(`the reference of ${heading}`, () => {
    expect(documented(heading)).toEqual(defined(schema))
  })
}

test('the table of errors', () => {
  const source = readFileSync(new URL('../../../src/config/errors.ts', import.meta.url), 'utf8')
  const codes = (text: string, pattern: RegExp) =>
    [...text.matchAll(pattern)].map(([, code]) => code).sort()
  expect(codes(PAGE, /^\| `(CONFIG_[A-Z_]+)`/gm)).toEqual(
    codes(source, /^ {2}\| '(CONFIG_[A-Z_]+)'/gm),
  )
})

test('the example is a configuration', () => {
  const example = /^```toml\n([\s\S]*?)^```/m.exec(PAGE)?.[1] ?? ''
  expect(parseConfig(example, '/etc/wasm-fpm.toml').tenants.map(({ pool }) => pool)).toEqual([
    'www',
  ])
})
