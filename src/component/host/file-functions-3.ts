/** wasi:filesystem/types of 0.3: the functions of 0.2, async, with its errors and types; contents and entries are streams. */
import type { Channel } from '../channel.ts'
import { type Case, caseOf, err, NONE, OK, ok, type Value } from '../value.ts'
import type { ComponentHost } from './component-host.ts'
import { DirectorySource } from './directory-source.ts'
import { DirectoryEntryStream, type FileDescriptor } from './file-descriptor.ts'
import { FILES } from './file-functions.ts'
import { InputStream } from './guest-input.ts'
import { OutputStream } from './guest-output.ts'
import { type HostFunction, type Interface, plain, retyped } from './host-function.ts'
import { makeFuture, resolveFuture } from './host-future.ts'
import { errorCodeOf, type IoError } from './io-error.ts'
import { after } from './preview1-calls.ts'
import { StreamSink } from './stream-sink.ts'
import { StreamSource } from './stream-source.ts'

const TYPES = ['descriptor', 'descriptor-type', 'descriptor-stat', 'new-timestamp', 'file-error']
const ASYNC = [
  ...['advise', 'sync-data', 'get-flags', 'get-type', 'set-size', 'set-times', 'sync', 'stat'],
  ...['create-directory-at', 'stat-at', 'set-times-at', 'link-at', 'open-at', 'readlink-at'],
  ...['remove-directory-at', 'rename-at', 'symlink-at', 'unlink-file-at', 'is-same-object'],
  ...['metadata-hash', 'metadata-hash-at'],
]

/** What 0.3 has no name for is `other`. */
const NAMELESS: ReadonlySet<string> = new Set(['unknown', 'would-block'])

function named(name: string): Case {
  return NAMELESS.has(name) ? caseOf('other', NONE) : caseOf(name)
}

/** `change`: what is another in 0.3. Errors are, of all of them. */
function asyncOf(one: HostFunction, change: (value: Value) => Value): HostFunction {
  return {
    type: `async ${one.type}`,
    waits: one.waits,
    call: (host) => {
      const call = one.call(host) as (...values: readonly Value[]) => Value | Promise<Value>
      return (...values: readonly Value[]) =>
        after(call(...values), (answer) => {
          if (typeof answer !== 'object' || !('tag' in answer)) return answer
          return answer.tag === 'err'
            ? err(named(answer.value as string))
            : ok(change(answer.value))
        })
    },
  }
}

const CHANGES: Readonly<Record<string, (value: Value) => Value>> = {
  'get-type': (value) => named(value as string),
  stat: changedStat,
  'stat-at': changedStat,
}

function changedStat(value: Value): Value {
  const [type, ...others] = value as readonly Value[]
  return [named(type as string), ...others]
}

const asynchronous: Interface = Object.fromEntries(
  Object.entries(retyped(FILES, TYPES)).flatMap(([name, functions]) => {
    const own = name.replace('[method]descriptor.', '')
    if (!ASYNC.includes(own)) return []
    const change = CHANGES[own] ?? ((value: Value) => value)
    return [[name, [functions].flat().map((one) => asyncOf(one, change))]]
  }),
)

/** Tells the guest how it ended. */
const ending = (end: Channel) => (problem: IoError | undefined) =>
  resolveFuture(end, problem === undefined ? OK : err(named(errorCodeOf(problem.errno))))

function write(
  host: ComponentHost,
  { fd, open }: FileDescriptor,
  { data, offset }: { readonly data: Channel; readonly offset: bigint | 'end' },
): Channel {
  const end = makeFuture()
  const output = new OutputStream(host.calls, { fd, offset, open })
  host.work.add(
    new StreamSink(data, output, (problem) => {
      output.drop()
      ending(end)(problem)
    }),
  )
  return end
}

export const FILES_3: Interface = {
  ...asynchronous,
  '[method]descriptor.read-via-stream': plain(
    '(borrow<$descriptor-3>, u64) -> tuple<stream<u8>, $file-end>',
    (host) =>
      ({ fd, open }: FileDescriptor, offset: bigint): Value => {
        const end = makeFuture()
        const input = new InputStream(host.calls, { fd, offset, open })
        return [new StreamSource(host.work, input, ending(end)).channel, end]
      },
  ),
  '[method]descriptor.write-via-stream': plain(
    '(borrow<$descriptor-3>, stream<u8>, u64) -> $file-end',
    (host) => (self: FileDescriptor, data: Channel, offset: bigint) =>
      write(host, self, { data, offset }),
  ),
  '[method]descriptor.append-via-stream': plain(
    '(borrow<$descriptor-3>, stream<u8>) -> $file-end',
    (host) => (self: FileDescriptor, data: Channel) => write(host, self, { data, offset: 'end' }),
  ),
  '[method]descriptor.read-directory': plain(
    '(borrow<$descriptor-3>) -> tuple<stream<$directory-entry-3>, $file-end>',
    (host) =>
      (self: FileDescriptor): Value => {
        const end = makeFuture()
        const entries = new DirectoryEntryStream(host.calls, self.open)
        const source = new DirectorySource(entries, { named, onEnd: ending(end) })
        host.work.add(source)
        return [source.channel, end]
      },
  ),
}
