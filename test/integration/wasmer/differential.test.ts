/**
 * Our own preview 1 host against `@wasmer/wasi`, the second opinion: every guest program this machine can build prints
 * the same and ends the same on both, but for the differences in docs/engines.md, each of which is held to here.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { compileGuest } from '../../support/guest.ts'
import { type Ending, type Input, runOn } from './two-engines.ts'

const LANGUAGES = ['as', 'c', 'rust']

interface Case extends Input {
  readonly name: string
}
const query = (text: string, stdin = ''): Case => ({
  name: `?${text}`,
  args: ['program', 'a b', '', 'ü'],
  env: [`QUERY_STRING=${text}`, 'REQUEST_METHOD=POST', 'EMPTY=', 'X=a=b', 'GREETING=grüß'],
  stdin,
})

/** For every program. */
const COMMON: readonly Case[] = [
  { name: 'no environment' },
  { name: 'no arguments', args: [], env: [], stdin: 'a body' },
  { name: 'options', args: ['program', '-x', '--long=1'], env: ['B=2', 'A=1'], stdin: 'a body' },
]

const BODIES: readonly Case[] = [
  query('', 'zero \0 and ümlaut €\r\n'),
  query('', 'x'.repeat(65_535)),
  query('', '0123456789'.repeat(30_000)),
]

/** For one program, in whichever languages there is one. */
const INPUTS: Readonly<Record<string, readonly Case[]>> = {
  download: ['n=0', 'n=1', 'n=300000', 'n=300000&length=0'].map((text) => query(text)),
  early: BODIES,
  echo: BODIES,
  exit: ['before', 'mid', 'header', 'after'].flatMap((when) =>
    [0, 1, 127, 255, 256, -1].map((code) => query(`when=${when}&code=${code}`)),
  ),
  files: [
    ...['list=/', 'list=/tmp', 'list=/missing', 'read=/missing', 'read=/missing/x'],
    ...['tmp=hello', 'tmp=', 'write=/tmp/x', 'write=/x', 'write=/missing/x', 'write=/tmp/'],
    ...['read=/tmp', 'write=/'],
  ].map((text) => query(text)),
  hello: [query('anything', 'a body nobody reads')],
  panic: [query('')],
  respond: [
    ...['status&code=404', 'redirect', 'location', 'cookies', 'large&n=20000', 'chunked'],
    ...['early-hints', 'short', 'long', 'noheader'],
  ].map((kind) => query(`kind=${kind}`)),
  slow: ['n=0', 'n=1', 'n=2&ms=1'].map((text) => query(text)),
  trap: ['when=before', 'when=header', 'when=body', 'when=body&length=1'].map((text) =>
    query(text),
  ),
  upload: BODIES,
}

/** Where the two differ, by program and case: what is in our standard output, what is in theirs instead, and why. */
const DIFFERENCES: ReadonlyArray<{
  readonly program: string
  readonly name: string
  readonly why: string
  readonly own: string
  readonly wasmer: string
  /** How it ends there, when not as here. */
  readonly end?: string
}> = [
  ...LANGUAGES.map((language) => ({
    program: `${language}/slow`,
    name: '?n=2&ms=1',
    why: 'poll_oneoff of @wasmer/wasi asks for a clock that its build does not have, and dies of it',
    own: 'line 2 of 2\n',
    wasmer: '',
    end: 'trap other',
  })),
  ...LANGUAGES.map((language) => ({
    program: `${language}/echo`,
    name: 'no arguments',
    why: '@wasmer/wasi always has the name of the program, if only an empty one',
    own: '"args":[]',
    wasmer: '"args":[""]',
  })),
  {
    program: 'c/files',
    name: '?write=/',
    why: 'a folder is where a file is to be created: ISDIR, as open(2) has it; they miss the parent of "/"',
    own: 'cannot write /: Is a directory\n',
    wasmer: 'cannot write /: Invalid argument\n',
  },
]

execFileSync(process.execPath, ['guests/build.ts'], { stdio: 'ignore' })

const PROGRAMS = LANGUAGES.filter((language) => existsSync(`build/guests/${language}`)).flatMap(
  (language) =>
    readdirSync(`build/guests/${language}`).map((file) => `${language}/${file.slice(0, -5)}`),
)

test('there is a program to compare', () => {
  expect(PROGRAMS).toContain('as/hello')
})

test('docs/engines.md names each difference', () => {
  const page = readFileSync('docs/engines.md', 'utf8')
  for (const { why } of DIFFERENCES) expect(page).toContain(`| ${why} |`)
})

test.each(PROGRAMS)('%s', async (program) => {
  const module = await compileGuest(readFileSync(`build/guests/${program}.wasm`))
  const name = program.slice(program.indexOf('/') + 1)
  // A new program is compared without its name being here; one that sleeps by default has to be told not to.
  const cases = [...(name === 'slow' ? [] : COMMON), ...(INPUTS[name] ?? BODIES)]
  for (const input of cases) {
    const own = await runOn('own', module, input)
    const wasmer = await runOn('wasmer', module, input)
    const difference = DIFFERENCES.find((one) => one.program === program && one.name === input.name)
    const expected = difference === undefined ? own : differing(own, difference)
    expect({ case: input.name, ...wasmer }).toEqual({ case: input.name, ...expected })
  }
})

function differing(own: Ending, difference: (typeof DIFFERENCES)[number]): Ending {
  expect(own).toMatchObject({ end: 'exit 0', stdout: expect.stringContaining(difference.own) })
  const stdout = own.stdout.replace(difference.own, difference.wasmer)
  return { ...own, stdout, end: difference.end ?? own.end }
}
