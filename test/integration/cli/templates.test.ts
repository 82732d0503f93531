/** Each template, started with `new`, built with this machine's compiler, served with `dev`, asked. */
import { appendFileSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { answer, rustCompiler } from '../../support/rust-compiler.ts'
import { emptyFolder, start, type } from './cli.ts'

function hasClang(): boolean {
  const library = answer('clang', '--target=wasm32-wasi', '-print-libgcc-file-name')
  return library !== undefined && existsSync(library)
}

const rustc = rustCompiler()

const TEMPLATES = [
  { name: 'assemblyscript', isHere: true, env: {} },
  { name: 'c', isHere: hasClang(), env: {} },
  { name: 'cpp', isHere: hasClang(), env: {} },
  { name: 'fastcgi', isHere: hasClang(), env: {} },
  { name: 'javascript', isHere: true, env: {} },
  { name: 'rust', isHere: rustc !== undefined, env: { RUSTC: rustc } },
]

for (const { name, isHere, env } of TEMPLATES) {
  test.skipIf(!isHere)(`${name}: new, dev, a request`, { timeout: 300_000 }, async () => {
    const root = emptyFolder()
    const created = await type(['new', name, 'shop-1'], root)
    expect(created.stdout).toMatch(
      /shop-1\/wasm-fpm\.json\n[\s\S]*next:\n[\s\S]*wasm-fpm dev shop-1\n$/,
    )
    const folder = join(root, 'shop-1')
    // In the place of `npm install`.
    symlinkSync(resolve('node_modules'), join(folder, 'node_modules'))
    const running = start(['dev', folder, '--http', '127.0.0.1:0'], { ...process.env, ...env })
    const [, address = ''] = await running.printed(/ready in .*: (http:\S+) answers \/\n/)
    const ask = () => fetch(`${address}/a/b?q=1`, { method: 'POST', body: 'x'.repeat(70_000) })
    let response = await ask()
    // Nobody waits longer for 14 MB of an engine to be compiled than for anything else.
    for (let turn = 0; response.status === 503 && turn < 10; turn++) response = await ask()
    expect([response.status, await response.text()]).toEqual([
      200,
      'Hello from shop-1!\nPOST /a/b\nquery: q=1\nbody: 70000 bytes\n',
    ])
  })
}

test.skipIf(!hasClang())(
  'c: functions have names in the back trace',
  { timeout: 60_000 },
  async () => {
    const root = emptyFolder()
    await type(['new', 'c', 'shop'], root)
    const source = join(root, 'shop/handler.c')
    const text = readFileSync(source, 'utf8')
    const crash = '  if (*variable("QUERY_STRING")) crash();\n'
    writeFileSync(
      source,
      text.replace('int main(void) {\n', `void crash(void);\nint main(void) {\n${crash}`),
    )
    appendFileSync(source, '__attribute__((noinline)) void crash(void) { __builtin_trap(); }\n')
    const running = start(['dev', join(root, 'shop'), '--http', '127.0.0.1:0'])
    const [, address = ''] = await running.printed(/ready in .*: (http:\S+) answers/)
    expect((await fetch(`${address}/?now`)).status).toBe(500)
    await running.printed(
      /the guest trapped: unreachable .*\n {4}at crash \(function \d+, offset 0x\w+\)\n/,
    )
  },
)

test('new --list, and what new refuses', async () => {
  const { stdout } = await type(['new', '--list'])
  expect(stdout).toMatch(
    /^TEMPLATE +WHAT IT IS\nassemblyscript +A handler in AssemblyScript: .*\nc +A handler in C: .*\ncpp +A handler in C\+\+: .*\nfastcgi +A handler in C for libfcgi: .*\njavascript +A handler in JavaScript: .*\nrust +/,
  )
  const asJson = JSON.parse((await type(['new', '--list', '--json'])).stdout)
  expect(asJson).toHaveLength(6)
  expect((await type(['new', 'c'])).code).toBe(64)
  expect((await type(['new', 'cobol', 'x'])).code).toBe(64)
})
