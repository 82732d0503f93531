/** wasi:cli. A component that answers requests has no input but the request's body, and what it prints goes to the log. */
import { fault } from '../guest-fault.ts'
import { type HostResource, NONE } from '../value.ts'
import type { ComponentHost } from './component-host.ts'
import { InputStream } from './guest-input.ts'
import { OutputStream } from './guest-output.ts'
import { type Interface, plain } from './host-function.ts'

const STDERR = 2

const decoded = (text: string): string => Buffer.from(text, 'latin1').toString('utf8')

export const ENVIRONMENT: Interface = {
  'get-environment': plain('() -> list<tuple<string, string>>', (host) => () => {
    return [...host.environment].map((entry) => entry.map(decoded))
  }),
  'get-arguments': plain('() -> list<string>', (host) => () => host.arguments.map(decoded)),
  'initial-cwd': plain('() -> option<string>', () => () => NONE),
}

/** Nobody knows whether its answer is whole. */
const leave = () => () => {
  throw fault('it has called exit, wanted it to return')
}

export const EXIT: Interface = {
  exit: plain('(result<_, _>) -> ()', leave),
  'exit-with-code': plain('(u8) -> ()', leave),
}

const printer = (host: ComponentHost) => (): HostResource =>
  new OutputStream(host.calls, { fd: STDERR })

export const STDIN: Interface = {
  'get-stdin': plain(
    '() -> own<$input-stream>',
    (host) => () => new InputStream(host.calls, undefined),
  ),
}
export const STDOUT: Interface = { 'get-stdout': plain('() -> own<$output-stream>', printer) }
export const STDERR_OUTPUT: Interface = {
  'get-stderr': plain('() -> own<$output-stream>', printer),
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
