/** `wasm-fpm stop`: ends the server when its requests have ended. */
import { Command } from 'commander'
import { command } from '../master/control-client.ts'
import { configOption, findConfigFile } from './config-file.ts'
import { jsonOption, printJson } from './json.ts'

export function stopCommand(): Command {
  return new Command('stop')
    .description(
      'end the running wasm-fpm when its requests have ended (at most process_control_timeout)',
    )
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async ({ config, json }: { readonly config?: string; readonly json?: boolean }) => {
      const answer = await command(findConfigFile(config), 'stop')
      if (json === true) printJson({ done: 'stop', answer })
      else process.stdout.write(`${answer}\n`)
    })
}
