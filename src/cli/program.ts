/** All commands of `wasm-fpm`, in the groups that its help shows. */
import { Command } from 'commander'
import { VERSION } from '../base/version.ts'
import { checkCommand } from './check.ts'
import { collectCommand } from './collect.ts'
import { completionCommand } from './completion.ts'
import { convertCommand } from './convert.ts'
import { devCommand } from './dev.ts'
import { doctorCommand } from './doctor.ts'
import { drainCommand, undrainCommand } from './drain.ts'
import { EXIT_CODES } from './exit-code.ts'
import { exportCommand } from './export.ts'
import { fsckCommand } from './fsck.ts'
import { hardenCommand } from './harden.ts'
import { inspectCommand } from './inspect.ts'
import { invokeCommand } from './invoke.ts'
import { keyCommand } from './key.ts'
import { loginCommand, logoutCommand } from './login.ts'
import { logsCommand } from './logs.ts'
import { newCommand } from './new.ts'
import { promoteCommand } from './promote.ts'
import { publishCommand } from './publish.ts'
import { pushCommand } from './push.ts'
import { releasesCommand } from './releases.ts'
import { reloadCommand } from './reload.ts'
import { restartCommand } from './restart.ts'
import { rollbackCommand } from './rollback.ts'
import { routesCommand } from './routes.ts'
import { runCommand } from './run.ts'
import { runtimeCommand } from './runtime.ts'
import { serveCommand } from './serve.ts'
import { signCommand } from './sign.ts'
import { statusCommand } from './status.ts'
import { stopCommand } from './stop.ts'
import { tenantsCommand } from './tenants.ts'
import { tokenCommand } from './token.ts'
import { upgradeCommand } from './upgrade.ts'

/** Makes the program; nothing runs before it is given arguments. Throws `CommanderError` instead of ending the process. */
export function makeProgram(): Command {
  const program = new Command('wasm-fpm')
    .description(
      'A FastCGI process manager for WebAssembly: runs WASI programs behind nginx, Apache and every other FastCGI web server, each request in a sandbox.',
    )
    .version(VERSION, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print the help of a command')
    .showHelpAfterError('(wasm-fpm --help lists the commands)')
    .exitOverride()
    .enablePositionalOptions()
    .addHelpText('after', exitCodeText())
  const groups: ReadonlyArray<readonly [title: string, commands: readonly Command[]]> = [
    [
      'Serving:',
      [
        serveCommand(),
        ...[reloadCommand(), restartCommand(), upgradeCommand(), stopCommand()],
        ...[drainCommand(), undrainCommand()],
        ...[statusCommand(), logsCommand(), loginCommand(), logoutCommand()],
        ...[checkCommand(), doctorCommand(), tenantsCommand(), tokenCommand(), convertCommand()],
        runtimeCommand(),
      ],
    ],
    [
      'Publishing:',
      [
        ...[publishCommand(), releasesCommand(), promoteCommand(), rollbackCommand()],
        ...[routesCommand(), pushCommand(), keyCommand(), signCommand()],
        ...[fsckCommand(), collectCommand(), exportCommand()],
      ],
    ],
    [
      'Developing:',
      [
        ...[newCommand(), devCommand(), invokeCommand(), runCommand()],
        ...[inspectCommand(), hardenCommand(), completionCommand(program)],
      ],
    ],
  ]
  for (const [title, commands] of groups) {
    for (const command of commands) {
      inherit(command, program)
      program.addCommand(command.helpGroup(title))
    }
  }
  return program
}

/** Commands are made on their own: they must end and complain as the program does. */
function inherit(command: Command, parent: Command, name = `wasm-fpm ${command.name()}`): void {
  command.copyInheritedSettings(parent).showHelpAfterError(`(see ${name} --help)`)
  for (const child of command.commands) inherit(child, parent, `${name} ${child.name()}`)
}

function exitCodeText(): string {
  const lines = EXIT_CODES.map(({ code, meaning }) => `  ${String(code).padEnd(4)} ${meaning}`)
  return `\nExit codes:\n${lines.join('\n')}\n`
}
