import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../../../src/base/clock.ts'
import { SourceWatch } from '../../../../src/cli/dev/source-watch.ts'

let folder = ''
let watching: SourceWatch
let heard: (paths: readonly string[]) => void
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-watch-'))
  put('src/main.c', '1')
  heard = () => undefined
  watching = new SourceWatch(folder, {
    clock: systemClock,
    outputs: /\.wasm$/,
    onChange: (paths) => heard(paths),
  })
  watching.start()
})
afterEach(() => {
  watching.close()
  rmSync(folder, { recursive: true })
})

function put(path: string, text: string): void {
  mkdirSync(join(folder, path, '..'), { recursive: true })
  writeFileSync(join(folder, path), text)
}

/** Resolves with what is told next. */
function next(): Promise<readonly string[]> {
  return new Promise((resolve) => {
    heard = resolve
  })
}

test('a file that is written, replaced, made and removed, also in a new folder', async () => {
  const steps: ReadonlyArray<readonly [change: () => void, told: readonly string[]]> = [
    [() => put('src/main.c', '22'), ['src/main.c']],
    [() => put('new/deep/a.c', 'x'), ['new/deep/a.c']],
    [() => put('new/deep/a.c', 'xyz'), ['new/deep/a.c']],
    [() => renameSync(join(folder, 'new'), join(folder, 'old')), ['new/deep/a.c', 'old/deep/a.c']],
    [() => rmSync(join(folder, 'old'), { recursive: true }), ['old/deep/a.c']],
  ]
  for (const [change, told] of steps) {
    const wait = next()
    change()
    expect(await wait).toEqual(told)
  }
})

test('what is built, hidden or left behind by editors is no change', () => {
  for (const path of [
    'shop.wasm',
    'main.o',
    '.git/index',
    'target/x',
    'src/node_modules/x',
    'a~',
  ]) {
    put(path, 'x')
  }
  expect(watching.takeChanges()).toEqual([])
  put('Makefile', 'x')
  expect(watching.takeChanges()).toEqual(['Makefile'])
  expect(watching.takeChanges()).toEqual([])
})

test('the same time and size is no change, another time is', () => {
  const path = join(folder, 'src/main.c')
  utimesSync(path, 1000, 1000)
  expect(watching.takeChanges()).toEqual(['src/main.c'])
  utimesSync(path, 2000, 1000)
  expect(watching.takeChanges()).toEqual([])
})

test('closed, it tells nothing', () => {
  watching.close()
  put('src/main.c', '333')
  expect(watching.takeChanges()).toEqual([])
})
