/** `wasm-fpm reload`: takes the changed configuration to the workers that run; nothing is lost, and a wrong one changes nothing. */
import { Command } from 'commander'
import { command } from '../master/control-client.ts'
import { configOption, findConfigFile } from './config-file.ts'
import { jsonOption, printJson } from './json.ts'

export function reloadCommand(): Command {
  return new Command('reload')
    .description(
      'have the running wasm-fpm take up its changed configuration; a wrong one changes nothing',
    )
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async ({ config, json }: { readonly config?: string; readonly json?: boolean }) => {
      const answer = await command(findConfigFile(config), 'reload')
      if (json === true) printJson({ done: 'reload', answer })
      else process.stdout.write(`${answer}\n`)
    })
}
