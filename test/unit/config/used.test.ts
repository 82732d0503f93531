/** A key that is documented and read by nobody would be a promise that is not kept. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const SOURCES = 'src'
const TYPES = join(SOURCES, 'config', 'config.ts')

test('everything that a configuration says is used somewhere', () => {
  const properties = readFileSync(TYPES, 'utf8').matchAll(/^ {2}readonly (\w+)\??:/gm)
  const code = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !/^(cli|config\/(config|build)\.ts)/.test(path))
    .map((path) => readFileSync(join(SOURCES, path), 'utf8'))
    .join('\n')
  const words = new Set(code.match(/\w+/g))
  const unused = [...properties].map(([, name = '']) => name).filter((name) => !words.has(name))
  expect(unused).toEqual([])
})
