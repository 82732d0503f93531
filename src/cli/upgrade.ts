/** `wasm-fpm upgrade`: has this program take the place of the one that runs, without losing a request. */
import { Command } from 'commander'
import { command } from '../master/control-client.ts'
import { configOption, findConfigFile } from './config-file.ts'
import { jsonOption, printJson } from './json.ts'

export function upgradeCommand(): Command {
  return new Command('upgrade')
    .description(
      'start this program beside the wasm-fpm that runs, with the same sockets; when it serves, the old one ends',
    )
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async ({ config, json }: { readonly config?: string; readonly json?: boolean }) => {
      const program = [process.execPath, ...process.execArgv, process.argv[1] ?? '']
      const answer = await command(findConfigFile(config), 'upgrade', { program })
      if (json === true) printJson({ done: 'upgrade', answer })
      else process.stdout.write(`${answer}\n`)
    })
}
