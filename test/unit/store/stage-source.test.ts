import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DEFAULT_STORE_LIMITS, type StoreLimits } from '../../../src/store/limits.ts'
import { stageSource } from '../../../src/store/stage-source.ts'
import { nodeFiles, type StoreFiles } from '../../../src/store/store-files.ts'
import { UNITS } from './drafts.ts'

let root = ''
let source = ''
let stage = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wasm-fpm-stage-'))
  source = join(root, 'my app')
  stage = join(root, 'stage')
  mkdirSync(source)
  mkdirSync(stage)
})
afterEach(() => rmSync(root, { recursive: true }))

function put(path: string, text = path): void {
  mkdirSync(dirname(join(source, path)), { recursive: true })
  writeFileSync(join(source, path), text)
}

function manifest(table: object): void {
  put('wasm-fpm.json', JSON.stringify(table))
}

function staged(limits: Partial<StoreLimits> = {}, from = source) {
  return stageSource(from, stage, {
    files: nodeFiles,
    limits: { ...DEFAULT_STORE_LIMITS, ...limits },
    units: UNITS,
  })
}

test('a folder with a module and files', async () => {
  put('app.wasm', 'module')
  put('public/index.html', 'hello')
  put('public/deep/er/a.css', '')
  put('secret.txt')
  manifest({ files: 'public' })
  const found = await staged()
  expect(found.manifest.name).toBe('my-app')
  // sha256sum of the six and of the five letters, and of nothing.
  expect(found.module).toEqual({
    digest: '120970d812836f19888625587a4606a5ad23cef31c8684e601771552548fc6b9',
    bytes: 6,
  })
  expect(found.imageFiles.toSorted((a, b) => (a.path < b.path ? -1 : 1))).toEqual([
    {
      path: 'deep/er/a.css',
      digest: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      bytes: 0,
    },
    {
      path: 'index.html',
      digest: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
      bytes: 5,
    },
  ])
  expect(readFileSync(found.modulePath ?? '', 'utf8')).toBe('module')
  expect(readFileSync(join(stage, 'image/index.html'), 'utf8')).toBe('hello')
})

test('a folder of scripts is files alone: all but its manifest and what keeps its versions', async () => {
  for (const path of ['index.php', 'lib/a.php', '.htaccess', '.git/config', 'lib/.git/config'])
    put(path)
  manifest({ runtime: 'php' })
  const all = await staged()
  expect(all).toMatchObject({ modulePath: undefined, module: undefined })
  const paths = ({ imageFiles }: typeof all) => imageFiles.map(({ path }) => path).sort()
  expect(paths(all)).toEqual(['.htaccess', 'index.php', 'lib/.git/config', 'lib/a.php'])
  rmSync(stage, { recursive: true })
  mkdirSync(stage)
  manifest({ runtime: 'php', files: 'lib' })
  expect(paths(await staged())).toEqual(['.git/config', 'a.php'])
  rmSync(stage, { recursive: true })
  mkdirSync(stage)
  const options = { files: nodeFiles, limits: DEFAULT_STORE_LIMITS, units: UNITS, runtime: 'php' }
  const alone = stageSource(join(source, 'index.php'), stage, options)
  await expect(alone).rejects.toMatchObject({ code: 'STORE_BAD_FILE' })
})

test('a manifest in wasm-fpm.toml; a configuration of that name is none', async () => {
  put('app.wasm', 'module')
  put('wasm-fpm.toml', '[handler]\nname = "shop"\n')
  expect((await staged()).manifest.name).toBe('shop')
  put('wasm-fpm.toml', '[[pool]]\nname = "www"\n')
  rmSync(stage, { recursive: true })
  mkdirSync(stage)
  expect((await staged()).manifest.name).toBe('my-app')
  manifest({ name: 'other' })
  rmSync(stage, { recursive: true })
  mkdirSync(stage)
  expect((await staged()).manifest.name).toBe('other')
})

test('a module alone, even through a link: whoever names it knows what it means', async () => {
  put('hello.world.wasm', 'module')
  symlinkSync(join(source, 'hello.world.wasm'), join(root, 'link'))
  const found = await staged({}, join(root, 'link'))
  expect(found.manifest.name).toBe('hello.world')
  expect(found.imagePath).toBeUndefined()
})

const SETUPS: ReadonlyArray<{
  readonly name: string
  readonly make: () => void
  readonly limits?: Partial<StoreLimits>
  readonly code: string
  readonly says: string
}> = [
  {
    name: 'nothing there',
    make: () => rmSync(source, { recursive: true }),
    code: 'STORE_UNREADABLE',
    says: 'there is none',
  },
  {
    name: 'no module',
    make: () => put('a.txt'),
    code: 'STORE_BAD_MANIFEST',
    says: 'no module or several',
  },
  {
    name: 'two modules',
    make: () => {
      put('a.wasm')
      put('b.wasm')
    },
    code: 'STORE_BAD_MANIFEST',
    says: 'no module or several',
  },
  {
    name: 'a module that is a link',
    make: () => symlinkSync('/etc/passwd', join(source, 'a.wasm')),
    code: 'STORE_BAD_FILE',
    says: 'symbolic link',
  },
  {
    name: 'a module that is a pipe',
    make: () => execFileSync('mkfifo', [join(source, 'a.wasm')]),
    code: 'STORE_BAD_FILE',
    says: 'neither a file nor a folder',
  },
  {
    name: 'a source that is a link to itself',
    make: () => {
      rmSync(source, { recursive: true })
      symlinkSync(source, source)
    },
    code: 'STORE_BAD_FILE',
    says: 'a link that leads nowhere',
  },
  {
    name: 'a module below a file',
    make: () => {
      put('a')
      manifest({ module: 'a/b.wasm' })
    },
    code: 'STORE_BAD_FILE',
    says: 'is no folder',
  },
  {
    name: 'a manifest that is a link',
    make: () => {
      put('a.wasm')
      symlinkSync('/etc/passwd', join(source, 'wasm-fpm.json'))
    },
    code: 'STORE_BAD_FILE',
    says: 'symbolic link',
  },
  {
    name: 'a module in a folder that is a link',
    make: () => {
      symlinkSync('/etc', join(source, 'bin'))
      manifest({ module: 'bin/passwd' })
    },
    code: 'STORE_BAD_FILE',
    says: 'not a link',
  },
  {
    name: 'files in a folder that is a link',
    make: () => {
      put('a.wasm')
      symlinkSync('/etc', join(source, 'public'))
      manifest({ files: 'public' })
    },
    code: 'STORE_BAD_FILE',
    says: 'not a link',
  },
  {
    name: 'a link among the files',
    make: () => {
      withFiles('a')
      symlinkSync('/etc/passwd', join(source, 'public/b'))
    },
    code: 'STORE_BAD_FILE',
    says: 'symbolic link',
  },
  {
    name: 'a link to a folder among the files',
    make: () => {
      withFiles('a')
      symlinkSync('/etc', join(source, 'public/b'))
    },
    code: 'STORE_BAD_FILE',
    says: 'symbolic link',
  },
  {
    name: 'a pipe among the files',
    make: () => {
      withFiles('a')
      execFileSync('mkfifo', [join(source, 'public/b')])
    },
    code: 'STORE_BAD_FILE',
    says: 'neither a file nor a folder',
  },
  {
    name: 'a name that is no UTF-8',
    make: () => {
      withFiles('a')
      writeFileSync(Buffer.concat([Buffer.from(`${source}/public/`), Buffer.of(0xff)]), '')
    },
    code: 'STORE_BAD_FILE',
    says: 'UTF-8',
  },
  {
    name: 'a manifest in both files',
    make: () => {
      put('a.wasm')
      manifest({})
      put('wasm-fpm.toml', '[handler]')
    },
    code: 'STORE_BAD_MANIFEST',
    says: 'wanted one of them',
  },
  {
    name: 'a folder of static files with nothing in it',
    make: () => {
      withFiles('a', 'bc/d')
      manifest({ files: 'public', routes: ['/x'], static: { path: '/', folder: 'b' } })
    },
    code: 'STORE_BAD_MANIFEST',
    says: 'from "b"',
  },
  {
    name: 'too large a module',
    make: () => put('a.wasm', '123456'),
    limits: { moduleBytes: 5 },
    code: 'STORE_LIMIT_EXCEEDED',
    says: 'moduleBytes is 6, wanted at most 5',
  },
  {
    name: 'too many files',
    make: () => withFiles('a', 'b', 'c/d'),
    limits: { files: 2 },
    code: 'STORE_LIMIT_EXCEEDED',
    says: 'files is 3, wanted at most 2',
  },
  {
    name: 'a folder of many files',
    make: () => {
      for (const name of ['a.wasm', 'b', 'c', 'd']) put(name)
    },
    limits: { files: 3 },
    code: 'STORE_LIMIT_EXCEEDED',
    says: 'files is 4, wanted at most 3',
  },
  {
    name: 'too many folders',
    make: () => withFiles('a/b', 'c/d'),
    limits: { folders: 2 },
    code: 'STORE_LIMIT_EXCEEDED',
    says: 'folders is 3, wanted at most 2',
  },
  {
    name: 'too large a file',
    make: () => withFiles('a', 'large'),
    limits: { fileBytes: 4 },
    code: 'STORE_LIMIT_EXCEEDED',
    says: 'fileBytes is 5, wanted at most 4',
  },
  {
    name: 'a sparse file of a terabyte',
    make: () => {
      withFiles('a')
      execFileSync('truncate', ['-s', '1T', join(source, 'public/b')])
    },
    code: 'STORE_LIMIT_EXCEEDED',
    says: 'fileBytes is 1099511627776',
  },
  {
    name: 'too much in all files',
    make: () => withFiles('four', 'five5'),
    limits: { imageBytes: 8 },
    code: 'STORE_LIMIT_EXCEEDED',
    says: 'imageBytes is 9, wanted at most 8',
  },
  {
    name: 'too deep',
    make: () => withFiles('a/b/c/d'),
    limits: { pathDepth: 2 },
    code: 'STORE_LIMIT_EXCEEDED',
    says: 'pathDepth is 3, wanted at most 2',
  },
  {
    name: 'too long a path',
    make: () => withFiles('abc/defgh'),
    limits: { pathBytes: 8 },
    code: 'STORE_LIMIT_EXCEEDED',
    says: 'pathBytes is 9, wanted at most 8',
  },
]

function withFiles(...paths: readonly string[]): void {
  put('a.wasm')
  manifest({ files: 'public' })
  for (const path of paths) put(`public/${path}`, path)
}

test.for(SETUPS)('$name is refused', async ({ make, limits, code, says }) => {
  make()
  const failure = await staged(limits).then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(failure).toMatchObject({ code, message: expect.stringContaining(says) })
})

/** Which folder becomes a link to another one, once it has been looked at. */
const SWAPS = [
  ['of files', 'public', { files: 'public', module: 'a.wasm' }],
  ['of scripts', 'public', { files: 'public', runtime: 'php' }],
  ['among the files', 'public/deep', { files: 'public', module: 'a.wasm' }],
] as const

test.each(SWAPS)(
  'a folder %s that is swapped for a link is not followed',
  async (_, folder, table) => {
    put('a.wasm')
    put('public/deep/passwd', 'mine')
    put('public/passwd', 'mine')
    const elsewhere = join(root, 'elsewhere')
    mkdirSync(join(elsewhere, 'deep'), { recursive: true })
    for (const path of ['passwd', 'deep/passwd']) writeFileSync(join(elsewhere, path), 'secret')
    manifest(table)
    const swapping: StoreFiles = {
      ...nodeFiles,
      makeFolder: async (path) => {
        await nodeFiles.makeFolder(path)
        const isThere = path.endsWith(folder === 'public' ? '/image' : '/image/deep')
        if (!isThere) return
        rmSync(join(source, folder), { recursive: true })
        symlinkSync(elsewhere, join(source, folder))
      },
    }
    const staging = stageSource(source, stage, {
      ...{ files: swapping, limits: DEFAULT_STORE_LIMITS, units: UNITS },
    })
    await expect(staging).rejects.toMatchObject({ code: 'STORE_BAD_FILE' })
  },
)
