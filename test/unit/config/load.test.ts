import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/load.ts'

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-config-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function write(name: string, text: string): string {
  const path = join(folder, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  return path
}

const MAIN = 'include = ["tenants.d/*.toml"]\n[[pool]]\nname = "www"\nlisten = ["./www.sock"]\n'

test('included files come in alphabetical order, each with its own folder for relative paths', () => {
  const main = write('main.toml', `${MAIN}[[tenant]]\nname = "first"\nroot = "first"`)
  write('tenants.d/b.toml', '[[tenant]]\nname = "b"\nroot = "www"')
  write('tenants.d/a.toml', '[[tenant]]\nname = "a"\nroot = "www"')
  write('tenants.d/a.toml.bak', 'not TOML')
  const config = loadConfig(main)
  expect(config.tenants.map(({ name, root }) => [name, root])).toEqual([
    ['first', join(folder, 'first')],
    ['a', join(folder, 'tenants.d/www')],
    ['b', join(folder, 'tenants.d/www')],
  ])
})

test('a pattern may match nothing', () => {
  expect(loadConfig(write('main.toml', MAIN)).tenants).toEqual([])
})

test('problems of all files come in one go', () => {
  const main = write(
    'main.toml',
    `include = ["gone.toml"]\n${MAIN.replace('include', '#')}[log]\nlevel = 1`,
  )
  expect(() => loadConfig(main)).toThrow(
    expect.objectContaining({
      problems: [
        expect.objectContaining({ code: 'CONFIG_NOT_READABLE', file: join(folder, 'gone.toml') }),
        expect.objectContaining({ code: 'CONFIG_BAD_VALUE', file: main, key: 'log.level' }),
      ],
    }),
  )
})

test('an included file holds pools and tenants only, and its problems carry its name', () => {
  const main = write('main.toml', MAIN)
  const included = write('tenants.d/a.toml', '[[tenant]]\nname = "a"\n[log]\nlevel = "info"')
  expect(() => loadConfig(main)).toThrow(
    expect.objectContaining({
      problems: [
        expect.objectContaining({
          code: 'CONFIG_UNKNOWN_KEY',
          file: included,
          line: 3,
          key: 'log',
        }),
      ],
    }),
  )
})

test('the same host in two files is refused', () => {
  const main = write('main.toml', MAIN)
  write('tenants.d/a.toml', '[[tenant]]\nname = "a"\nhosts = ["x.example"]')
  const second = write('tenants.d/b.toml', '[[tenant]]\nname = "b"\nhosts = ["x.example"]')
  expect(() => loadConfig(main)).toThrow(
    expect.objectContaining({
      code: 'CONFIG_DUPLICATE',
      problems: [expect.objectContaining({ file: second, line: 3 })],
    }),
  )
})

test('a file that is not there', () => {
  expect(() => loadConfig(join(folder, 'none.toml'))).toThrow(
    expect.objectContaining({ code: 'CONFIG_NOT_READABLE' }),
  )
})

test('1,000 tenants in files of their own, each once', () => {
  const main = write('main.toml', MAIN)
  for (let index = 0; index < 1000; index += 1) {
    write(
      `tenants.d/t${index}.toml`,
      `[[tenant]]\nname = "t${index}"\nhosts = ["t${index}.example"]`,
    )
  }
  const names = new Set(loadConfig(main).tenants.map(({ name }) => name))
  expect(names.size).toBe(1000)
})
