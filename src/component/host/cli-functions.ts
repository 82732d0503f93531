/**
 * wasi:cli. To a command these are what they are to a CGI program. A component that answers requests has no input but the request's
 * body, and what it prints goes to the log.
 */
import { fault } from '../guest-fault.ts'
import { type Case, NONE } from '../value.ts'
import type { ComponentHost } from './component-host.ts'
import { InputStream } from './guest-input.ts'
import { type Interface, plain, waiting } from './host-function.ts'
import { decoded } from './run-variables.ts'

export const STDIN_FD = 0
const STDOUT_FD = 1
export const STDERR_FD = 2

export const ENVIRONMENT: Interface = {
  'get-environment': plain('() -> list<tuple<string, string>>', (host) => () => {
    host.charge(host.variables.bytes)
    return host.variables.texts()
  }),
  'get-arguments': plain('() -> list<string>', (host) => () => host.arguments.map(decoded)),
  'initial-cwd': plain('() -> option<string>', () => () => NONE),
}

async function leave(host: ComponentHost, code: number): Promise<undefined> {
  // Nobody knows whether its answer is whole.
  if (host.world === 'http') throw fault('it has called exit, wanted it to return')
  await host.flush()
  host.calls.callNow('proc_exit', code)
  return undefined
}

export const EXIT: Interface = {
  exit: waiting(
    '(result<_, _>) -> ()',
    (host) =>
      ({ tag }: Case) =>
        leave(host, tag === 'ok' ? 0 : 1),
  ),
  'exit-with-code': waiting('(u8) -> ()', (host) => (code: number) => leave(host, code)),
}

/** Where what is printed goes. */
export function stdoutOf({ world }: ComponentHost): number {
  return world === 'command' ? STDOUT_FD : STDERR_FD
}

export const STDIN: Interface = {
  'get-stdin': plain(
    '() -> own<$input-stream>',
    (host) => () =>
      new InputStream(host.calls, host.world === 'command' ? { fd: STDIN_FD } : undefined),
  ),
}
export const STDOUT: Interface = {
  'get-stdout': plain('() -> own<$output-stream>', (host) => () => host.printer(stdoutOf(host))),
}
export const STDERR_OUTPUT: Interface = {
  'get-stderr': plain('() -> own<$output-stream>', (host) => () => host.printer(STDERR_FD)),
}

export const NOTHING: Interface = {}

export const TERMINAL_STDIN: Interface = {
  'get-terminal-stdin': plain('() -> option<own<$terminal-input>>', () => () => NONE),
}
export const TERMINAL_STDOUT: Interface = {
  'get-terminal-stdout': plain('() -> option<own<$terminal-output>>', () => () => NONE),
}
export const TERMINAL_STDERR: Interface = {
  'get-terminal-stderr': plain('() -> option<own<$terminal-output>>', () => () => NONE),
}
