/** What real shells make of the completion scripts. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { emptyFolder, type } from './cli.ts'

const { stdout: script } = await type(['completion', 'bash'])

/** What bash offers for the last of `words`. */
function complete(words: readonly string[], cwd = '/'): readonly string[] {
  const quoted = words.map((word) => `'${word}'`).join(' ')
  const program = `${script}
COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}
_wasm_fpm wasm-fpm
printf '%s\\n' "\${COMPREPLY[@]}"`
  const printed = execFileSync('bash', ['--norc', '-c', program], { encoding: 'utf8', cwd })
  return printed.split('\n').filter(Boolean).toSorted()
}

const CASES = [
  { words: ['wasm-fpm', 'st'], offers: ['status', 'stop'] },
  { words: ['wasm-fpm', 'tenants', ''], offers: ['add', 'help', 'list', 'remove'] },
  { words: ['wasm-fpm', 'tenants', 'add', '--ro'], offers: ['--root'] },
  { words: ['wasm-fpm', 'completion', ''], offers: ['bash', 'fish', 'zsh'] },
  { words: ['wasm-fpm', 'completion', 'zsh', ''], offers: ['bash', 'fish', 'zsh'] },
  {
    words: ['wasm-fpm', 'serve', '--config', 'wasm-fpm.toml', '--h'],
    offers: ['--help', '--http'],
  },
  { words: ['wasm-fpm', 'serve', '--http', ''], offers: [] },
  { words: ['wasm-fpm', 'run', 'serve', '--e'], offers: ['--env'] },
  {
    words: ['wasm-fpm', 'tenants', 'add', '--pool', 'remove', '--host', 'x', '--js'],
    offers: ['--json'],
  },
  { words: ['wasm-fpm', '--v'], offers: ['--version'] },
  { words: ['wasm-fpm', 'no-such-command', '-'], offers: ['--help', '--version', '-h', '-v'] },
]

test.for(CASES)('bash: $words', ({ words, offers }) => {
  expect(complete(words)).toEqual(offers)
})

test('bash: files and folders, names with blanks too', () => {
  const folder = emptyFolder()
  mkdirSync(join(folder, 'my site'))
  writeFileSync(join(folder, 'my module.wasm'), '')
  expect(complete(['wasm-fpm', 'inspect', 'm'], folder)).toEqual(['my module.wasm', 'my site'])
  expect(complete(['wasm-fpm', 'dev', 'm'], folder)).toEqual(['my site'])
  expect(complete(['wasm-fpm', 'publish', '--config', 'my m'], folder)).toEqual(['my module.wasm'])
})

const isInstalled = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0

test.skipIf(!isInstalled('zsh'))('zsh takes the script', async () => {
  const { stdout } = await type(['completion', 'zsh'])
  execFileSync('zsh', ['-f', '-n', '-c', stdout])
})

test.skipIf(!isInstalled('fish'))('fish completes commands and options', async () => {
  const { stdout } = await type(['completion', 'fish'])
  const ask = (line: string): string =>
    execFileSync('fish', ['--no-config', '-c', `${stdout}\ncomplete -C '${line}'`], {
      encoding: 'utf8',
    })
  expect(ask('wasm-fpm tenants a')).toMatch(/^add\t/m)
  expect(ask('wasm-fpm serve --h')).toMatch(/^--http\t/m)
})

test('no other shell', async () => {
  expect((await type(['completion', 'tcsh'])).code).toBe(64)
})
