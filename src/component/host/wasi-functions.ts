/** All that a component may import: the interfaces of WASI 0.2 that are here, and the types of their functions. */
import { ComponentError, quoted } from '../errors.ts'
import type { CanonicalFunction, ComponentPlan, Entry, FunctionType, World } from '../plan.ts'
import { printFunction } from '../print-type.ts'
import * as cli from './cli-functions.ts'
import * as cli3 from './cli-functions-3.ts'
import * as clocks from './clock-functions.ts'
import * as clocks3 from './clock-functions-3.ts'
import { CONFIG } from './config-functions.ts'
import { FILES } from './file-functions.ts'
import { FILES_3 } from './file-functions-3.ts'
import { PREOPENS } from './file-preopens.ts'
import { type HostFunction, type Interface, retyped } from './host-function.ts'
import { HTTP_CLIENT } from './http-client.ts'
import { FIELDS } from './http-field-functions.ts'
import { HTTP_TYPES_3 } from './http-functions-3.ts'
import { INCOMING_BODIES } from './http-incoming-body.ts'
import { INCOMING_RESPONSES } from './http-incoming-response.ts'
import { OUTGOING_REQUESTS } from './http-outgoing.ts'
import { OUTGOING_HANDLER } from './http-outgoing-handler.ts'
import { INCOMING } from './http-request.ts'
import { OUTGOING } from './http-response-functions.ts'
import { KEYVALUE_ATOMICS, KEYVALUE_BATCH, KEYVALUE_STORE } from './keyvalue-functions.ts'
import { POLL } from './pollable.ts'
import * as sockets from './socket-functions.ts'
import * as sockets3 from './socket-functions-3.ts'
import { IO_ERROR, STREAMS } from './stream-functions.ts'
import { CREATE_UDP, UDP, UDP_3 } from './udp-functions.ts'
import { expandType } from './wasi-types.ts'

const INTERFACES: ReadonlyMap<string, ReadonlyMap<string, readonly HostFunction[]>> = new Map(
  Object.entries<Interface>({
    'wasi:cli/environment': cli.ENVIRONMENT,
    'wasi:cli/exit': cli.EXIT,
    'wasi:cli/stdin': cli.STDIN,
    'wasi:cli/stdout': cli.STDOUT,
    'wasi:cli/stderr': cli.STDERR_OUTPUT,
    'wasi:cli/terminal-input': cli.NOTHING,
    'wasi:cli/terminal-output': cli.NOTHING,
    'wasi:cli/terminal-stdin': cli.TERMINAL_STDIN,
    'wasi:cli/terminal-stdout': cli.TERMINAL_STDOUT,
    'wasi:cli/terminal-stderr': cli.TERMINAL_STDERR,
    'wasi:clocks/monotonic-clock': clocks.MONOTONIC_CLOCK,
    'wasi:clocks/wall-clock': clocks.WALL_CLOCK,
    'wasi:random/random': clocks.RANDOM,
    'wasi:random/insecure': clocks.INSECURE_RANDOM,
    'wasi:random/insecure-seed': clocks.INSECURE_SEED,
    'wasi:io/error': IO_ERROR,
    'wasi:io/poll': POLL,
    'wasi:io/streams': STREAMS,
    'wasi:filesystem/preopens': PREOPENS,
    'wasi:filesystem/types': FILES,
    'wasi:http/types': {
      ...FIELDS,
      ...INCOMING,
      ...INCOMING_BODIES,
      ...INCOMING_RESPONSES,
      ...OUTGOING,
      ...OUTGOING_REQUESTS,
    },
    'wasi:http/outgoing-handler': OUTGOING_HANDLER,
    'wasi:cli/environment@0.3': cli3.ENVIRONMENT_3,
    'wasi:cli/exit@0.3': cli.EXIT,
    'wasi:cli/stdin@0.3': cli3.STDIN_3,
    'wasi:cli/stdout@0.3': cli3.STDOUT_3,
    'wasi:cli/stderr@0.3': cli3.STDERR_3,
    'wasi:cli/terminal-stdin@0.3': retyped(cli.TERMINAL_STDIN, ['terminal-input']),
    'wasi:cli/terminal-stdout@0.3': retyped(cli.TERMINAL_STDOUT, ['terminal-output']),
    'wasi:cli/terminal-stderr@0.3': retyped(cli.TERMINAL_STDERR, ['terminal-output']),
    'wasi:clocks/monotonic-clock@0.3': clocks3.MONOTONIC_CLOCK_3,
    'wasi:clocks/system-clock@0.3': clocks3.SYSTEM_CLOCK,
    'wasi:random/random@0.3': clocks.RANDOM,
    'wasi:random/insecure@0.3': clocks.INSECURE_RANDOM,
    'wasi:random/insecure-seed@0.3': clocks3.INSECURE_SEED_3,
    'wasi:filesystem/preopens@0.3': retyped(PREOPENS, ['descriptor']),
    'wasi:filesystem/types@0.3': FILES_3,
    'wasi:http/types@0.3': HTTP_TYPES_3,
    'wasi:http/client@0.3': HTTP_CLIENT,
    'wasi:sockets/instance-network': sockets.INSTANCE_NETWORK,
    'wasi:sockets/network': sockets.NETWORK,
    'wasi:sockets/ip-name-lookup': sockets.NAME_LOOKUP,
    'wasi:sockets/tcp-create-socket': sockets.CREATE_TCP,
    'wasi:sockets/tcp': sockets.TCP,
    'wasi:sockets/udp-create-socket': CREATE_UDP,
    'wasi:sockets/udp': UDP,
    'wasi:sockets/types@0.3': { ...sockets3.TCP_3, ...UDP_3 },
    'wasi:sockets/ip-name-lookup@0.3': sockets3.NAME_LOOKUP_3,
    'wasi:config/store': CONFIG,
    'wasi:keyvalue/store': KEYVALUE_STORE,
    'wasi:keyvalue/atomics': KEYVALUE_ATOMICS,
    'wasi:keyvalue/batch': KEYVALUE_BATCH,
  }).map(([name, functions]) => [
    name,
    new Map(Object.entries(functions).map(([own, found]) => [own, [found].flat()])),
  ]),
)

const ENTRIES: Readonly<Record<Entry['wasi'], Readonly<Record<World, string>>>> = {
  '0.2': {
    http: expandType('(own<$incoming-request>, own<$response-outparam>) -> ()'),
    command: '() -> result<_, _>',
  },
  '0.3': {
    http: expandType('async (own<$request-3>) -> result<own<$response-3>, $http-error>'),
    command: 'async () -> result<_, _>',
  },
}

type Lowered = Extract<CanonicalFunction, { kind: 'lower' }>

/** Of several the one of the type it is called with, or the first. Throws COMPONENT_IMPORT: there is no such function. */
export function findFunction(definition: Lowered): HostFunction {
  const { type } = definition
  const [first, ...others] = namedAlike(definition)
  return others.find((one) => isOfType(one, type)) ?? first
}

function namedAlike({
  interface: from,
  name,
}: Lowered): readonly [HostFunction, ...HostFunction[]] {
  const [first, ...others] = INTERFACES.get(from)?.get(name) ?? []
  if (first !== undefined) return [first, ...others]
  throw new ComponentError('COMPONENT_IMPORT', {
    doing: 'run',
    problem: `it calls ${quoted(name)} of ${quoted(from)}, wanted what there is of WASI: docs/abi.md has a list`,
  })
}

function isOfType({ type: wanted }: HostFunction, type: FunctionType): boolean {
  return printFunction(type) === expandType(wanted)
}

function checkType({ interface: from, name, type }: Lowered, found: HostFunction): void {
  if (isOfType(found, type)) return
  const { type: wanted } = found
  throw new ComponentError('COMPONENT_IMPORT', {
    doing: 'run',
    problem: `it calls ${quoted(name)} of ${quoted(from)} with another type than WASI gives it, wanted ${quoted(wanted)}: build it with WASI's own definitions`,
  })
}

/** Whether it can be run for a request: throws COMPONENT_IMPORT and COMPONENT_EXPORT. */
export function checkPlan(plan: ComponentPlan): void {
  const lowered = plan.functions.filter((definition) => definition.kind === 'lower')
  for (const definition of lowered) namedAlike(definition)
  // One after the other: types are compared until one differs, however many there are.
  for (const definition of lowered) checkType(definition, findFunction(definition))
  const { entry, exports } = plan
  if (entry !== undefined && printFunction(entry.lifted.type) === ENTRIES[entry.wasi][entry.world])
    return
  const names = exports.slice(0, 10).map(quoted)
  throw new ComponentError('COMPONENT_EXPORT', {
    doing: 'run',
    problem: `it exports ${names.join(', ') || 'nothing'}, wanted "wasi:http/incoming-handler@0.2.10" or "wasi:http/handler@0.3.0" with its function "handle", or "wasi:cli/run" of either with "run"`,
  })
}
