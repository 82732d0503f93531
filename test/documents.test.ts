/** Holds the pages of this repository to what is here: links, and the files, commands and projects of tests that they name. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'vitest'
import { nginxSnippet } from '../src/cli/doctor/snippets.ts'
import { parseConfig } from '../src/config/parse.ts'

const FOLDERS = ['bench', 'docs', 'examples', 'guests', 'src', 'templates', 'test']
/** Those that name files of this repository; the others speak of an operator's. */
const ABOUT_THE_SOURCE = [
  ...['ARCHITECTURE.md', 'CONTRIBUTING.md', 'RATIONALE.md'],
  ...['bench/MEASUREMENTS.md', 'bench/README.md', 'guests/README.md'],
]
const MAX_ANSWER_LINES = 10

const files = [
  ...readdirSync('.'),
  ...FOLDERS.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path)),
  ),
]
const pages = new Map(
  files.filter((path) => path.endsWith('.md')).map((path) => [path, readFileSync(path, 'utf8')]),
)
assert.ok(pages.size > ABOUT_THE_SOURCE.length, 'few pages: run the tests from the repository root')

test('every link leads to a file, and to a heading of it', () => {
  for (const [path, text] of pages) {
    for (const [, target = ''] of withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      const [file = '', heading] = target.split('#')
      const found = file === '' ? path : join(dirname(path), file)
      assert.ok(existsSync(found), `${path} links to ${target}, which is not there`)
      if (heading === undefined) continue
      const anchors = headings(readFileSync(found, 'utf8')).map(anchorOf)
      assert.ok(anchors.includes(heading), `${path} links to ${target}: no such heading`)
    }
  }
})

test('every file and folder that is named is there', () => {
  const file = /(?<![\w./@*-])(?:[\w-]+\/)*[\w-]+\.(?:test\.ts|ts|md|wat)\b/g
  const folder = new RegExp(`(?<![\\w./-])(?:${FOLDERS.join('|')})(?:/[\\w-]+)+(?![\\w.-])`, 'g')
  for (const path of ABOUT_THE_SOURCE) {
    const text = code(path)
    for (const [name] of [...text.matchAll(file), ...text.matchAll(folder)]) {
      const isThere = files.some((one) => one === name || one.endsWith(`/${name}`))
      assert.ok(isThere, `${path} names ${name}, which is not there`)
    }
  }
})

test('pages that the source names are there', () => {
  for (const path of files.filter((name) => /^(?:src|test|bench|guests)\/.*\.ts$/.test(name))) {
    const text = readFileSync(path, 'utf8')
    for (const [name] of text.matchAll(
      /\b(?:docs\/[a-z-]+|(?:bench\/|guests\/)?[A-Z]{4,})\.md\b/g,
    )) {
      const isThere = files.some((one) => one === name || one.endsWith(`/${name}`))
      assert.ok(isThere, `${path} names ${name}, which is not there`)
    }
  }
})

test('every command of CONTRIBUTING.md is there', () => {
  const text = code('CONTRIBUTING.md')
  const targets = readFileSync('Makefile', 'utf8')
  for (const [, target] of text.matchAll(/\bmake ([a-z-]+)/g))
    assert.match(targets, new RegExp(`^${target}:`, 'm'), `no make ${target}`)
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'))
  for (const [, script = ''] of text.matchAll(/npm run (?:-s )?(\S+)/g))
    assert.ok(Object.hasOwn(scripts, script), `no npm run ${script}`)
  const config = readFileSync('vitest.config.ts', 'utf8')
  const projects = [...config.matchAll(/^ +project\('(\w+)'/gm)].map(([, name]) => name)
  const named = [...text.matchAll(/--project (\S+)/g)].map(([, name]) => name)
  for (const name of named) assert.ok(projects.includes(name), `no project of tests ${name}`)
  const rows = [...(pages.get('CONTRIBUTING.md') ?? '').matchAll(/^\| `(\w+)` \|/gm)]
  assert.deepEqual(rows.map(([, name]) => name).sort(), projects.sort())
})

test('README.md has every command of docs/cli.md', () => {
  const [, section = ''] =
    /^## Commands\n.*?^```\n(.*?)^```/ms.exec(pages.get('README.md') ?? '') ?? []
  const shown = section.split(/[^a-z-]+/)
  const commands = (pages.get('docs/cli.md') ?? '').matchAll(/^### `wasm-fpm ([a-z-]+)/gm)
  for (const [, command = ''] of commands) {
    assert.ok(shown.includes(command), `README.md does not name the command ${command}`)
  }
})

test('guests/README.md has every sample guest, with its languages', () => {
  const languages = new Map<string, string[]>()
  for (const path of files) {
    const [, language = '', name = ''] =
      /^guests\/(as|c|fcgi|js|rust)\/(\w+)\.(?:ts|c|js|rs)$/.exec(path) ?? []
    if (name !== '') languages.set(name, [...(languages.get(name) ?? []), language])
  }
  const rows = (pages.get('guests/README.md') ?? '').matchAll(/^\| `(\w+)` +\| ([a-z ]+?) +\|/gm)
  assert.deepEqual(
    [...rows].map(([, name, known]) => `${name}: ${known}`).sort(),
    [...languages].map(([name, known]) => `${name}: ${known.sort().join(' ')}`).sort(),
  )
})

test('every kind of fault names the tests that stand for it', () => {
  const lines = (pages.get('docs/faults.md') ?? '').split('\n')
  const rows = lines.filter((line) => line.startsWith('| ') && !line.startsWith('| Tried |'))
  assert.ok(rows.length > 40, `${rows.length} rows`)
  for (const row of rows) {
    const named = [...(row.split(' | ').at(-1) ?? '').matchAll(/`([\w/-]+): ([^`]+)`/g)]
    assert.ok(named.length > 0, `no test: ${row}`)
    for (const [, file = '', title = ''] of named) {
      const path = [`test/${file}.test.ts`, `test/${file}.ts`].find((one) => files.includes(one))
      assert.ok(path !== undefined, `docs/faults.md names ${file}, which is not there`)
      assert.ok(readFileSync(path, 'utf8').includes(title), `${path} has no ${title}`)
    }
  }
})

test('nginx lets as large uploads through as a tenant takes, in everything that is shown of its configuration', () => {
  const blocks = [...pages].flatMap(([path, text]) =>
    [...text.matchAll(/^( *)```[^\n]*\n(.*?)^\1```$/gms)].map(([, , block = '']) => ({
      path,
      block,
    })),
  )
  const examples = files
    .filter((path) => path.startsWith('examples/') && statSync(path).isFile())
    .map((path) => ({ path, block: readFileSync(path, 'utf8') }))
  const shown = [...blocks, ...examples].filter(({ block }) => /^\s*fastcgi_pass\b/m.test(block))
  assert.ok(shown.length > 8, `${shown.length} snippets`)
  for (const { path, block } of [...shown, { path: 'doctor', block: snippetOfDefaults() }]) {
    const sizes = [...block.matchAll(/^\s*client_max_body_size (\w+);/gm)].map(([, size]) => size)
    assert.deepEqual(sizes, ['8m'], `${path}: ${block}`)
  }
})

test('the version of Node that is needed is the same everywhere', () => {
  const { engines } = JSON.parse(readFileSync('package.json', 'utf8'))
  const [, major, minor] = /^>=(\d+)\.(\d+)$/.exec(engines.node) ?? []
  const program = readFileSync('bin/wasm-fpm.js', 'utf8')
  assert.ok(program.includes(`[wantedMajor, wantedMinor] = [${major}, ${minor}]`))
  assert.ok(readFileSync('Makefile', 'utf8').includes(`wanted ${major}.${minor} or newer`))
  for (const page of ['README.md', 'docs/operations.md', 'docs/guests.md']) {
    for (const [, named] of (pages.get(page) ?? '').matchAll(/\bNode (\d+\.\d+)/g)) {
      assert.equal(named, `${major}.${minor}`, page)
    }
  }
  assert.ok((pages.get('docs/operations.md') ?? '').includes(`Node ${major}.${minor} or newer`))
})

test('every answer in RATIONALE.md is short, and answers a question', () => {
  const [, ...sections] = (pages.get('RATIONALE.md') ?? '').split(/^#{2,3} /m)
  for (const section of sections) {
    const [title = '', ...lines] = section.trimEnd().split('\n')
    const count = lines.filter((line) => line !== '').length
    if (count === 0) continue // a group of them
    assert.match(title, /^Why .*\?$/)
    assert.ok(count <= MAX_ANSWER_LINES, `"${title}" has ${count} lines, wanted at most 10`)
  }
})

/** What stands in backticks, a line each, and in blocks of code. */
function code(path: string): string {
  const text = pages.get(path)
  assert.ok(text !== undefined, `${path} is not there`)
  return [...text.matchAll(/^```[^\n]*\n(.*?)^```|`([^`\n]+)`/gms)]
    .map(([, block, inline]) => block ?? inline ?? '')
    .join('\n')
}

function withoutCode(text: string): string {
  return text.replace(/^```.*?^```/gms, '').replace(/`[^`\n]*`/g, '')
}

function headings(text: string): string[] {
  return [...text.replace(/^```.*?^```/gms, '').matchAll(/^#+ (.*)$/gm)].map(
    ([, title = '']) => title,
  )
}

/** As GitHub makes it. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-')
}

/** Of a tenant of which nothing is said. */
function snippetOfDefaults(): string {
  const [pool, tenant] = ['[[pool]]\nname = "www"\nlisten = ["/w.sock"]', '[[tenant]]\nname = "a"']
  const { pools, tenants } = parseConfig(`${pool}\n${tenant}\n`, '/etc/wasm-fpm.toml')
  assert.ok(pools[0] !== undefined && tenants[0] !== undefined)
  return nginxSnippet(tenants[0], pools[0])
}
