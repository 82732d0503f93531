/** `wasm-fpm reload`: takes the changed configuration to the workers that run; nothing is lost, and a wrong one changes nothing. */
import { Command } from 'commander'
import { command } from '../master/control-client.ts'
import { findConfigFile } from './config-file.ts'

export function reloadCommand(): Command {
  return new Command('reload')
    .description(
      'have the running wasm-fpm take up its changed configuration; a wrong one changes nothing',
    )
    .option(
      '--config <FILE>',
      'configuration file it serves (default: ./wasm-fpm.toml, then /etc/wasm-fpm/wasm-fpm.toml)',
    )
    .action(async ({ config }: { readonly config?: string }) => {
      const answer = await command(findConfigFile(config), 'reload')
      process.stdout.write(`${answer}\n`)
    })
}
