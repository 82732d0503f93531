/**
 * Somebody puts FIFOs, links and other files in the place of a file, and links in the place of its folder, while it is opened:
 * whoever opens files that others may change gets what is inside, or nothing, and never waits.
 */
import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { type Links, openWithin } from '../../src/base/open-within.ts'
import { type OpenedFile, openFile } from '../../src/base/opened-file.ts'
import { DocumentRoot } from '../../src/gateway/document-root.ts'
import { FileReader } from '../../src/gateway/static/file-reader.ts'
import { CompileCache } from '../../src/guest/compile-cache.ts'
import { LoadTurns } from '../../src/guest/load-turns.ts'
import { DEFAULT_OCI_LIMITS } from '../../src/oci/limits.ts'
import { openPlain } from '../../src/oci/pack-archive.ts'
import { readSource } from '../../src/oci/read-source.ts'
import { digestOf } from '../../src/store/digest.ts'
import { DEFAULT_STORE_LIMITS } from '../../src/store/limits.ts'
import { stageSource } from '../../src/store/stage-source.ts'
import { nodeFiles } from '../../src/store/store-files.ts'
import { openHostDirectory } from '../../src/wasi/host-directory.ts'
import { swap } from '../support/swapper.ts'
import { wat } from '../support/wat.ts'
import { UNITS } from '../unit/store/drafts.ts'
import { makeProbe, READ } from '../unit/wasi/probe.ts'

const RACE_MS = 1000
/** More than any one of them takes, far less than for ever. */
const STUCK_MS = 20_000

const moduleOf = (word: string) =>
  wat(
    `(module (memory (export "memory") 1) (func (export "_start")) (data (i32.const 8) "${word}"))`,
  )
const INSIDE = moduleOf('inside.')
const FOREIGN = moduleOf('foreign')

/** Reads the file at `path` below `root` once; what it answers is looked through for what is foreign. Rejects or throws: refused. */
type Use = (root: string, path: string, round: number) => Promise<Uint8Array>

async function whole(file: OpenedFile): Promise<Uint8Array> {
  using opened = file
  const bytes = new Uint8Array(opened.stats.size)
  return bytes.subarray(0, await opened.fill(bytes))
}

const USES: ReadonlyArray<{ readonly name: string; readonly use: Use; readonly folders?: false }> =
  [
    ...(['follow-inside', 'refuse'] as const).map((links: Links) => ({
      name: `openWithin, ${links}`,
      use: (root: string, path: string) => whole(openWithin(root, path, links)),
    })),
    { name: 'openFile', folders: false, use: (root, path) => whole(openFile(join(root, path))) },
    {
      name: 'modules of a document root',
      use: async (root, path) => {
        const modules = new DocumentRoot({
          root,
          extensions: ['.wasm'],
          index: 'index.wasm',
          revalidateMs: 0,
          limitsOf: () => ({ memoryMaxBytes: 65_536, functionBytes: 65_536 }),
          tenant: 'race',
          cache: new CompileCache(),
          turns: new LoadTurns(),
          clock: systemClock,
        })
        const module = await modules.load(path)
        if (module === undefined) throw new Error('no such module')
        // Of the bytes that were compiled.
        return module.digest.startsWith(digestOf(INSIDE)) ? INSIDE : FOREIGN
      },
    },
    {
      name: 'static files',
      use: async (root, path) => {
        const { length: bytes } = INSIDE
        // Longer than what is kept, so that no digest helps.
        const reader = new FileReader({
          cache: { bytes: 64, files: 1, fileBytes: bytes - 1 },
          openFiles: 4,
        })
        const file = { path, bytes, digest: 'none' as never }
        const all = await reader.read(root, { file, start: 0, end: bytes })
        return Buffer.concat([all, INSIDE.subarray(all.length)])
      },
    },
    {
      name: 'the module that is published',
      use: async (root, path, round) => {
        const stage = join(root, `../stage-${round}`)
        mkdirSync(stage)
        const limits = DEFAULT_STORE_LIMITS
        writeFileSync(join(root, 'wasm-fpm.json'), JSON.stringify({ module: path }))
        const { modulePath } = await stageSource(root, stage, {
          files: nodeFiles,
          limits,
          units: UNITS,
        })
        return readFileSync(modulePath ?? '')
      },
    },
    {
      name: 'files that are published',
      use: async (root, path, round) => {
        const stage = join(root, `../stage-${round}`)
        mkdirSync(stage)
        const limits = DEFAULT_STORE_LIMITS
        writeFileSync(join(root, 'plain.wasm'), INSIDE)
        const manifest = { module: 'plain.wasm', files: 'files' }
        writeFileSync(join(root, 'wasm-fpm.json'), JSON.stringify(manifest))
        const { imagePath = '' } = await stageSource(root, stage, {
          files: nodeFiles,
          limits,
          units: UNITS,
        })
        return readFileSync(join(imagePath, path.replace('files/', '')))
      },
    },
    {
      name: 'what is pushed',
      folders: false,
      use: async (root, path) => {
        writeFileSync(join(root, 'wasm-fpm.json'), JSON.stringify({ module: path }))
        const { modulePath } = await readSource(root, DEFAULT_OCI_LIMITS)
        return whole(openPlain(modulePath))
      },
    },
    {
      name: 'files of a mount',
      use: async (root, path) => {
        const directory = openHostDirectory(root, { writable: false })
        const probe = await makeProbe({ preopens: [{ guestPath: '/', directory }] })
        try {
          const { errno, fd } = await probe.open(3, path, { rights: READ })
          if (errno !== 0) throw new Error(`errno ${errno}`)
          return Buffer.from(String(await probe.read(fd)), 'latin1')
        } finally {
          probe.host.end()
          directory.release()
        }
      },
    },
  ]

/** What takes the place of what is inside, made in a folder of its own. */
const PLACES = [
  { name: 'a file', path: 'files/place.wasm', place: 'files/place.wasm' },
  { name: 'a folder', path: 'files/inner/place.wasm', place: 'files/inner' },
] as const

for (const { name: what, path, place } of PLACES) {
  for (const { name, use, folders = true } of USES) {
    if (what === 'a folder' && !folders) continue
    test(`${name}: ${what} is swapped`, { timeout: STUCK_MS }, async () => {
      const base = realpathSync(mkdtempSync(join(tmpdir(), 'changing-')))
      const root = join(base, 'root')
      const kept = join(base, 'kept')
      for (const folder of [join(root, 'files'), kept, join(base, 'foreign/inner')])
        mkdirSync(folder, { recursive: true })
      const foreign = join(base, 'foreign/inner/place.wasm')
      writeFileSync(foreign, FOREIGN)
      const things = ['inside', 'fifo', 'link', 'absolute', 'again'].map((one) => join(kept, one))
      const [inside = '', fifo = '', link = '', absolute = '', again = ''] = things
      if (what === 'a file') {
        for (const file of [inside, again]) writeFileSync(file, INSIDE)
        symlinkSync('../../foreign/inner/place.wasm', link)
        symlinkSync(foreign, absolute)
      } else {
        for (const folder of [inside, again]) {
          mkdirSync(folder)
          writeFileSync(join(folder, 'place.wasm'), INSIDE)
        }
        symlinkSync('../../foreign/inner', link)
        symlinkSync(join(base, 'foreign/inner'), absolute)
      }
      execFileSync('mkfifo', [fifo])
      const swapper = await swap(join(root, place), things)
      const seen = { inside: 0, refused: 0, foreign: 0, other: 0 }
      try {
        const endMs = performance.now() + RACE_MS
        for (let round = 0; performance.now() < endMs; round++) {
          try {
            const bytes = Buffer.from(await use(root, path, round))
            if (bytes.includes('foreign')) seen.foreign += 1
            else if (bytes.equals(INSIDE)) seen.inside += 1
            else seen.other += 1
          } catch {
            seen.refused += 1
          }
        }
      } finally {
        await swapper.stop()
        rmSync(base, { recursive: true })
      }
      expect(seen).toMatchObject({ foreign: 0, other: 0 })
      // They did meet: the file was found, and not found.
      expect(seen.inside).toBeGreaterThan(0)
      expect(seen.refused).toBeGreaterThan(0)
      expect(swapper.turns()).toBeGreaterThan(10)
    })
  }
}
