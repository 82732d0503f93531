/** `wasm-fpm drain` and `undrain`: what load balancers are told about a server that goes on serving. */
import { Command, InvalidArgumentError } from 'commander'
import { parseDuration } from '../config/units.ts'
import { command } from '../master/control-client.ts'
import { configOption, findConfigFile } from './config-file.ts'
import { jsonOption, printJson } from './json.ts'

interface DrainOptions {
  readonly config?: string
  readonly json?: boolean
  /** Milliseconds. */
  readonly for?: number
}

export function drainCommand(): Command {
  return new Command('drain')
    .description('tell load balancers to send no more requests here; those that come are answered')
    .option(
      '--for <TIME>',
      'until this time is over, such as 10s (default: until undrain)',
      readTime,
    )
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async ({ config, json, for: limitMs }: DrainOptions) => {
      print('drain', await command(findConfigFile(config), 'drain', { limitMs }), json)
    })
}

export function undrainCommand(): Command {
  return new Command('undrain')
    .description('tell load balancers to send requests here again')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async ({ config, json }: DrainOptions) => {
      print('undrain', await command(findConfigFile(config), 'undrain'), json)
    })
}

function print(done: string, answer: string, json: boolean | undefined): void {
  if (json === true) printJson({ done, answer })
  else process.stdout.write(`${answer}\n`)
}

function readTime(text: string): number {
  const milliseconds = parseDuration(text)
  if (milliseconds === undefined || milliseconds <= 0) {
    throw new InvalidArgumentError('wanted a time such as 10s or 5m')
  }
  return milliseconds
}
