/** wasi:cli of 0.3: what is read and printed are streams. To a command and to others they are what they are in 0.2. */
import type { Channel } from '../channel.ts'
import { err, OK, type Value } from '../value.ts'
import { ENVIRONMENT, STDERR_FD, STDIN_FD, stdoutOf } from './cli-functions.ts'
import type { ComponentHost } from './component-host.ts'
import { InputStream } from './guest-input.ts'
import { type Interface, plain } from './host-function.ts'
import { makeFuture, resolveFuture } from './host-future.ts'
import { StreamSink } from './stream-sink.ts'
import { StreamSource } from './stream-source.ts'

const { 'initial-cwd': INITIAL_CWD = [], ...OTHERS } = ENVIRONMENT

export const ENVIRONMENT_3: Interface = { ...OTHERS, 'get-initial-cwd': INITIAL_CWD }

export const STDIN_3: Interface = {
  'read-via-stream': plain(
    '() -> tuple<stream<u8>, future<result<_, $cli-error>>>',
    (host) => (): Value => {
      const end = makeFuture()
      const input = new InputStream(
        host.calls,
        host.world === 'command' ? { fd: STDIN_FD } : undefined,
      )
      const source = new StreamSource(host.work, input, (problem) =>
        resolveFuture(end, problem === undefined ? OK : err('io')),
      )
      return [source.channel, end]
    },
  ),
}

const print = (host: ComponentHost, data: Channel, fd: number): Channel => {
  const end = makeFuture()
  host.work.add(
    new StreamSink(data, host.printer(fd), (problem) =>
      resolveFuture(end, problem === undefined ? OK : err('pipe')),
    ),
  )
  return end
}

const WRITE = '(stream<u8>) -> future<result<_, $cli-error>>'

export const STDOUT_3: Interface = {
  'write-via-stream': plain(WRITE, (host) => (data: Channel) => print(host, data, stdoutOf(host))),
}
export const STDERR_3: Interface = {
  'write-via-stream': plain(WRITE, (host) => (data: Channel) => print(host, data, STDERR_FD)),
}
