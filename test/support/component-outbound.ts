/** The host of a component that may send requests to a peer on loopback. */
import type { Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { createLogger } from '../../src/base/logger.ts'
import { Deferred } from '../../src/component/deferred.ts'
import { ComponentHost } from '../../src/component/host/component-host.ts'
import type { Case, Value } from '../../src/component/value.ts'
import { NameLookup } from '../../src/outbound/name-lookup.ts'
import { OutboundAccount } from '../../src/outbound/outbound-account.ts'
import { connectTo } from '../../src/outbound/outbound-directories.ts'
import { OutboundRequest } from '../../src/outbound/outbound-request.ts'
import type { HostRule } from '../../src/outbound/outbound-rule.ts'
import { DeviceDirectory } from '../../src/wasi/device-directory.ts'
import { WasiHost } from '../../src/wasi/host.ts'
import type { WasiGrants } from '../../src/wasi/session.ts'
import { grants } from './guest.ts'
import { startPeer } from './outbound-peer.ts'

export interface OutboundRun {
  readonly host: ComponentHost
  /** Gives another guest the same. */
  readonly granted: WasiGrants
  readonly port: number
  /** What the peer has been sent. */
  sent: string
  /** Resolves when a connection of the peer's is closed. */
  readonly hasClosed: Promise<unknown>
}

/** Begins a run of a guest that may ask the peer. `rule`: of the entry that allows it. Default: some methods of HTTP, by address. */
export async function beginOutbound(
  serve: (socket: Socket) => void,
  rule: Partial<HostRule> = {},
): Promise<OutboundRun> {
  let closed: () => void = () => undefined
  const hasClosed = new Promise<void>((resolve) => {
    closed = resolve
  })
  const peer = await startPeer((socket) => {
    socket.on('data', (bytes: Buffer) => {
      run.sent += bytes.toString('latin1')
    })
    socket.on('close', closed).on('end', () => socket.end())
    serve(socket)
  })
  const { port } = peer
  const logger = createLogger('warn', false, { write: () => undefined })
  const limits = {
    ...{ connectMs: 2000, idleMs: 5000, totalMs: 5000, requestConnections: 2 },
    ...{ tenantConnections: 4, sentBytes: 200_000, receivedBytes: 200_000 },
  }
  const request = new OutboundRequest(
    {
      hosts: [
        {
          ...{
            host: '127.0.0.1',
            ports: [port],
            protocol: 'tcp',
            methods: ['GET', 'POST', 'HEAD'],
          },
          ...{ isPrivate: false, ca: undefined, ...rule },
        },
      ],
      ...{ sockets: new Map(), limits, clock: systemClock, names: new NameLookup() },
      account: new OutboundAccount('acme', systemClock, logger),
    },
    { requestId: 'r-1', handler: 'h' },
  )
  const wasi = new WasiHost(new Set())
  const host = new ComponentHost(wasi, { value: 0 }, { owners: 1, world: 'http' })
  const directory = new DeviceDirectory((into) => into).with(new Map(), (target) =>
    connectTo(request, target),
  )
  const granted = grants({ preopens: [{ guestPath: '/dev', directory }] })
  wasi.begin(granted)
  host.begin(granted)
  onTestFinished(() => {
    wasi.end()
    peer.close()
  })
  const run: OutboundRun = { host, granted, port, sent: '', hasClosed }
  return run
}

/** What a host function has answered, now or later. */
export async function outcomeOf(
  { host }: Pick<OutboundRun, 'host'>,
  called: Value | Promise<Value> | Deferred,
): Promise<Case> {
  if (!(called instanceof Deferred)) return called as Case
  let found: readonly [Value] | undefined
  host.work.add({
    step: () => {
      found ??= called.outcome()
      return found === undefined ? 'idle' : 'over'
    },
    wishes: () => called.wishes(),
  })
  await host.work.until(() => found !== undefined)
  return found?.[0] as Case
}
