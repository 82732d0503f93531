import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  copyTemplate,
  findTemplate,
  listTemplates,
} from '../../../../src/cli/template/templates.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-templates-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('every folder is a template, said by the first paragraph of its README', () => {
  mkdirSync(join(folder, 'zig'))
  writeFileSync(join(folder, 'zig/README.md'), '# {{name}}\n\nA handler\nin Zig.\n\nMore.\n')
  mkdirSync(join(folder, 'bare'))
  writeFileSync(join(folder, 'file'), '')
  expect(listTemplates(folder)).toEqual([
    { name: 'bare', description: '', folder: join(folder, 'bare') },
    { name: 'zig', description: 'A handler in Zig.', folder: join(folder, 'zig') },
  ])
})

test('the templates that come with it each have what a handler needs', () => {
  const templates = listTemplates()
  expect(templates.map(({ name }) => name)).toEqual([
    'assemblyscript',
    'c',
    'cpp',
    'fastcgi',
    'javascript',
    'rust',
  ])
  for (const { name, description } of templates) {
    expect(description).toMatch(/^A handler in /)
    const target = join(folder, name)
    const files = copyTemplate(findTemplate(name, templates), 'shop-2', target)
    expect(files).toEqual(expect.arrayContaining(['README.md', '.gitignore', 'wasm-fpm.json']))
    const manifest = JSON.parse(readFileSync(join(target, 'wasm-fpm.json'), 'utf8'))
    expect(manifest).toMatchObject({ name: 'shop-2', module: 'shop-2.wasm' })
    for (const file of files) {
      expect(readFileSync(join(target, file), 'utf8')).not.toMatch(/\{\{|\}\}/)
    }
  }
})

test('files in folders, dots for underscores, the name everywhere', () => {
  mkdirSync(join(folder, 't/a/_b'), { recursive: true })
  writeFileSync(join(folder, 't/a/_b/_c'), '{{name}} {{name}}')
  const [template] = listTemplates(folder)
  const target = join(folder, 'new')
  mkdirSync(target)
  expect(copyTemplate(template ?? findTemplate('t', []), 'x', target)).toEqual(['a/_b/.c'])
  expect(readFileSync(join(target, 'a/_b/.c'), 'utf8')).toBe('x x')
})

const BAD_NAMES = ['', 'Shop', '1st', 'a/b', '..', '-x', 'a_b', 'ä', 'x'.repeat(64)]

test.for(BAD_NAMES)('no handler is called %j', (name) => {
  const [template = findTemplate('none', [])] = listTemplates()
  expect(() => copyTemplate(template, name, join(folder, 'x'))).toThrow(
    expect.objectContaining({ code: 'CLI_USAGE' }),
  )
  expect(readdirSync(folder)).toEqual([])
})

test('a folder with something in it stays as it is', () => {
  writeFileSync(join(folder, 'mine'), 'x')
  const [template = findTemplate('none', [])] = listTemplates()
  expect(() => copyTemplate(template, 'shop', folder)).toThrow(
    expect.objectContaining({ code: 'CLI_NOT_WRITABLE' }),
  )
  expect(() => copyTemplate(template, 'shop', join(folder, 'mine'))).toThrow(/ENOTDIR|something/)
  expect(readdirSync(folder)).toEqual(['mine'])
})

test('an unknown template: the known ones are said', () => {
  expect(() => findTemplate('cobol', listTemplates())).toThrow(
    /one of assemblyscript, c, cpp, fastcgi, javascript, rust/,
  )
})
