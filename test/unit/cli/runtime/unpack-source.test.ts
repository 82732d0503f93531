/** A source package is one archive or several, and a folder of Debian's changes. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../../src/base/clock.ts'
import { BuildLog } from '../../../../src/cli/runtime/build-log.ts'
import { unpackSource } from '../../../../src/cli/runtime/unpack-source.ts'

const PATCH = `--- a/FILE
+++ b/FILE
@@ -1 +1 @@
-before
+after
`
const patchOf = (file: string): string => PATCH.replaceAll('FILE', file)

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-unpack-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

/** An archive of these files, in a folder of its own. */
function pack(archive: string, top: string, files: Readonly<Record<string, string>>): void {
  const folder = makeFolder()
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, top, dirname(path)), { recursive: true })
    writeFileSync(join(folder, top, path), text)
  }
  execFileSync('tar', ['cJf', archive, '-C', folder, top])
}

const CASES = [
  {
    name: 'several archives, of which one is the main one',
    parts: { 'orig-docs': 'page', orig: 'main.c', 'orig-a-tool': 'tool.c' },
    wanted: { 'main.c': 'before\n', 'docs/page': 'before\n', 'a-tool/tool.c': 'before\n' },
  },
  {
    name: 'changes to each of them',
    parts: { orig: 'main.c', 'orig-docs': 'page' },
    patches: ['main.c', 'docs/page'],
    wanted: { 'main.c': 'after\n', 'docs/page': 'after\n' },
  },
] as const

test.for(CASES)('$name', async (one) => {
  const [source, target] = [makeFolder(), makeFolder()]
  for (const [kind, file] of Object.entries(one.parts))
    pack(join(source, `thing_1.2.${kind}.tar.xz`), `thing-${kind}`, { [file]: 'before\n' })
  const patches = 'patches' in one ? one.patches : []
  pack(join(source, 'thing_1.2-3.debian.tar.xz'), 'debian', {
    'patches/series': patches.map((_, index) => `${index}.patch\n`).join(''),
    ...Object.fromEntries(patches.map((file, index) => [`patches/${index}.patch`, patchOf(file)])),
  })
  const log = new BuildLog(join(makeFolder(), 'log'), systemClock)
  onTestFinished(() => log.close())
  await unpackSource(
    { package: 'thing', patches: true, version: '1.2-3', folder: source },
    target,
    log,
  )
  for (const [path, text] of Object.entries(one.wanted))
    expect(readFileSync(join(target, 'thing', path), 'utf8'), path).toBe(text)
})

test('none that is the main one', async () => {
  const source = makeFolder()
  pack(join(source, 'thing_1.2.orig-docs.tar.xz'), 'docs', { page: 'before\n' })
  const log = new BuildLog(join(makeFolder(), 'log'), systemClock)
  onTestFinished(() => log.close())
  const unpacked = unpackSource(
    { package: 'thing', patches: false, version: '1.2-3', folder: source },
    makeFolder(),
    log,
  )
  await expect(unpacked).rejects.toMatchObject({ code: 'RUNTIME_SOURCE_FAILED' })
})
