/** docs/cli.md and the program say the same, in both directions. */
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { expect, test } from 'vitest'
import { EXIT_CODES } from '../../../src/cli/exit-code.ts'
import { makeProgram } from '../../../src/cli/program.ts'

const PAGE = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8')
const NAME = 'docs/cli.md'

/** `wasm-fpm tenants add` to its options and arguments, as they are written there. */
function documented(): ReadonlyMap<string, readonly string[]> {
  const sections = PAGE.split(/^### `/m).slice(1)
  return new Map(
    sections.map((section) => {
      const rows = [...section.matchAll(/^\| `([^`]+)` \| \S/gm)].map(([, cell = '']) => cell)
      return [section.slice(0, section.indexOf('`')), rows.toSorted()]
    }),
  )
}

/** The same, as the program has them. Commands that have others below them only lead there. */
function defined(
  command: Command,
  name: string,
): ReadonlyArray<readonly [string, readonly string[]]> {
  const children = command.commands.filter((child) => child.name() !== 'help')
  if (children.length > 0) {
    return children.flatMap((child) => defined(child, `${name} ${child.name()}`))
  }
  const options = command
    .createHelp()
    .visibleOptions(command)
    .filter(({ long }) => long !== '--help')
    .map(({ flags }) => flags)
  const args = command.registeredArguments.map((argument) => argument.name().toUpperCase())
  return [[name, [...args, ...options].toSorted()]]
}

const program = makeProgram()

test(`${NAME} has every command, and no others`, () => {
  const names = defined(program, 'wasm-fpm').map(([name]) => name)
  expect([...documented().keys()].toSorted()).toEqual(names.toSorted())
})

test.for(defined(program, 'wasm-fpm'))(
  `${NAME} has every option of %s, and no others`,
  ([name, wanted]) => {
    expect(documented().get(name)).toEqual(wanted)
  },
)

test(`${NAME} has every exit code, and no others`, () => {
  const codes = [...PAGE.matchAll(/^\| (\d+) \| \S/gm)].map(([, code]) => Number(code))
  expect(codes).toEqual(EXIT_CODES.map(({ code }) => code))
})

test('every command and option says what it is, and every command that prints data has --json', () => {
  // What they print is a log, a program's own output, and a script.
  const withoutData = ['serve', 'run', 'completion']
  for (const [name] of defined(program, 'wasm-fpm')) {
    const path = name.split(' ').slice(1)
    const command = path.reduce<Command | undefined>(
      (at, word) => at?.commands.find((child) => child.name() === word),
      program,
    )
    expect(command?.description(), name).not.toBe('')
    for (const { flags, description } of command?.options ?? []) {
      expect(description, `${name} ${flags}`).not.toBe('')
    }
    const hasJson = command?.options.some(({ long }) => long === '--json')
    expect(hasJson, `${name} --json`).toBe(!withoutData.includes(path.join(' ')))
  }
})
