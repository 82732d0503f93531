/** `wasm-fpm restart`: replaces the workers one by one, without losing a request. */
import { Command } from 'commander'
import { command } from '../master/control-client.ts'
import { configOption, findConfigFile } from './config-file.ts'
import { jsonOption, printJson } from './json.ts'

export function restartCommand(): Command {
  return new Command('restart')
    .description('replace the workers of the running wasm-fpm one by one, without losing a request')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async ({ config, json }: { readonly config?: string; readonly json?: boolean }) => {
      const answer = await command(findConfigFile(config), 'restart')
      if (json === true) printJson({ done: 'restart', answer })
      else process.stdout.write(`${answer}\n`)
    })
}
