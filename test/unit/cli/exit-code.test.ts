import { CommanderError } from 'commander'
import { expect, test } from 'vitest'
import { CodedError } from '../../../src/base/errors.ts'
import { exitCodeOf } from '../../../src/cli/exit-code.ts'

const CASES = [
  { name: 'help was asked for', error: new CommanderError(0, 'commander.help', ''), code: 0 },
  {
    name: 'an unknown option',
    error: new CommanderError(1, 'commander.unknownOption', ''),
    code: 64,
  },
  { name: 'arguments that do not go together', error: new CodedError('CLI_USAGE', ''), code: 64 },
  { name: 'a bad configuration', error: new CodedError('CONFIG_SYNTAX', ''), code: 78 },
  { name: 'no such tenant', error: new CodedError('CLI_UNKNOWN_TENANT', ''), code: 78 },
  { name: 'anything with a code', error: new CodedError('STORE_FULL', ''), code: 1 },
  { name: 'a fault of ours', error: new TypeError('x is not a function'), code: 70 },
  { name: 'something thrown', error: 'text', code: 70 },
]

test.for(CASES)('$name: $code', ({ error, code }) => {
  expect(exitCodeOf(error)).toBe(code)
})
