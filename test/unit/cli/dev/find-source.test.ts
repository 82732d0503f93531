import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findBuildCommand } from '../../../../src/cli/dev/build-command.ts'
import { findHandlerName, findSource } from '../../../../src/cli/dev/find-source.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-source-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function put(path: string, text = ''): string {
  mkdirSync(join(folder, path, '..'), { recursive: true })
  writeFileSync(join(folder, path), text)
  return join(folder, path)
}

const COMMANDS = [
  { name: 'nothing', files: {}, text: undefined },
  {
    name: 'a package without a build',
    files: { 'package.json': '{"scripts":{}}' },
    text: undefined,
  },
  { name: 'a broken package', files: { 'package.json': '{' }, text: undefined },
  {
    name: 'a package',
    files: { 'package.json': '{"scripts":{"build":"asc"}}' },
    text: 'npm run build',
  },
  {
    name: 'a crate',
    files: { 'Cargo.toml': '', 'package.json': '{"scripts":{"build":"x"}}' },
    text: 'cargo build --release --target wasm32-wasip1',
  },
  { name: 'a Makefile', files: { Makefile: '', 'Cargo.toml': '' }, text: 'make' },
]

test.for(COMMANDS)('$name is built with: $text', ({ files, text }) => {
  for (const [path, content] of Object.entries(files)) put(path, content)
  expect(findBuildCommand(folder, undefined)?.text).toBe(text)
  expect(findBuildCommand(folder, 'a && b')).toEqual({
    program: '/bin/sh',
    args: ['-c', 'a && b'],
    text: 'a && b',
  })
})

test('a manifest: the folder; else a module, the nearest place first, then the newest', () => {
  expect(() => findSource(folder)).toThrow(expect.objectContaining({ code: 'CLI_NO_MODULE' }))
  const old = put('target/wasm32-wasip1/release/old.wasm')
  const made = put('target/wasm32-wasip1/release/made.wasm')
  utimesSync(old, 1000, 1000)
  put('build/x.wasm')
  expect(findSource(folder)).toBe(made)
  const own = put('own.wasm')
  expect(findSource(folder)).toBe(own)
  put('wasm-fpm.toml', '[[pool]]\n')
  expect(findSource(folder)).toBe(own)
  put('wasm-fpm.toml', '[handler]\n')
  expect(findSource(folder)).toBe(folder)
  put('wasm-fpm.json', '{}')
  expect(findSource(folder)).toBe(folder)
})

const NAMES = [
  { name: 'its folder', files: {}, called: 'shop' },
  { name: 'its module', files: { 'build/cart.wasm': '' }, called: 'cart' },
  { name: 'a manifest', files: { 'a.wasm': '', 'wasm-fpm.json': '{"name":"pay"}' }, called: 'pay' },
  {
    name: 'a manifest in TOML',
    files: { 'a.wasm': '', 'wasm-fpm.toml': '[handler]\nname = "pay"\n' },
    called: 'pay',
  },
  // As when it is published: then the folder is.
  {
    name: 'a manifest without one',
    files: { 'a.wasm': '', 'wasm-fpm.json': '{}' },
    called: 'shop',
  },
  { name: "a server's configuration", files: { 'wasm-fpm.toml': 'pool = []' }, called: 'shop' },
]

test.each(NAMES)('a handler is named by $name', ({ files, called }) => {
  for (const [path, text] of Object.entries(files)) put(`shop/${path}`, text)
  mkdirSync(join(folder, 'shop'), { recursive: true })
  expect(findHandlerName(join(folder, 'shop'))).toBe(called)
})
