/** `wasm-fpm completion`: prints a script with which a shell completes commands, options and files. */
import { Argument, Command } from 'commander'
import { bashScript } from './completion/bash.ts'
import { type CommandNode, commandTree } from './completion/command-tree.ts'
import { fishScript } from './completion/fish.ts'
import { zshScript } from './completion/zsh.ts'

const SHELLS: Readonly<Record<string, (root: CommandNode) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
}

/** `program`: what is completed; its commands are looked at when the script is printed. */
export function completionCommand(program: Command): Command {
  return new Command('completion')
    .description('print a script for bash, zsh or fish that completes commands and options')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SHELLS)))
    .action((shell: string) => {
      process.stdout.write(SHELLS[shell]?.(commandTree(program)) ?? '')
    })
}
