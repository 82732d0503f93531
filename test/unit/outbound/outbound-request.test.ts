/** Names that lead to places their entry does not allow, and answers that change. */
import type { Socket } from 'node:net'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { createLogger } from '../../../src/base/logger.ts'
import { NameLookup } from '../../../src/outbound/name-lookup.ts'
import { OutboundAccount } from '../../../src/outbound/outbound-account.ts'
import type { OutboundConnection } from '../../../src/outbound/outbound-connection.ts'
import { OutboundRequest } from '../../../src/outbound/outbound-request.ts'
import type { HostRule } from '../../../src/outbound/outbound-rule.ts'
import { Errno } from '../../../src/wasi/errno.ts'
import { startPeer } from '../../support/outbound-peer.ts'

const LIMITS = {
  ...{ connectMs: 2000, idleMs: 5000, totalMs: 5000 },
  ...{ requestConnections: 4, tenantConnections: 4, sentBytes: 1000, receivedBytes: 1000 },
}

interface Scene {
  readonly account: OutboundAccount
  readonly log: Array<Record<string, unknown>>
  readonly asked: string[]
  open(host: string, port: number): Promise<number>
}

const opened: OutboundConnection[] = []
afterEach(() => {
  for (const connection of opened.splice(0)) connection.close()
})

/** `answers`: of the resolver, one after the other. */
function setScene(rule: Partial<HostRule>, ...answers: ReadonlyArray<readonly string[]>): Scene {
  const log: Array<Record<string, unknown>> = []
  const logger = createLogger('warn', false, {
    write: (line) => void log.push(JSON.parse(line) as Record<string, unknown>),
  })
  const account = new OutboundAccount('acme', systemClock, logger)
  const asked: string[] = []
  const names = new NameLookup((name) => {
    asked.push(name)
    return Promise.resolve(answers[asked.length - 1] ?? [])
  })
  const request = new OutboundRequest(
    {
      hosts: [
        {
          host: 'db.example',
          ports: [],
          protocol: 'tcp',
          methods: [],
          isPrivate: false,
          ca: undefined,
          ...rule,
        },
      ],
      sockets: new Map(),
      limits: LIMITS,
      ...{ account, names, clock: systemClock },
    },
    { requestId: 'r-1', handler: 'h' },
  )
  const open = async (host: string, port: number): Promise<number> => {
    const connection = request.toHost({ protocol: 'tcp', host, port })
    if (typeof connection === 'number') return connection
    opened.push(connection)
    await new Promise<void>((resolve) => connection.opening.onOutcome(resolve))
    return connection.opening.outcome() ?? -1
  }
  return { account, log, asked, open }
}

async function listen(): Promise<{ readonly port: number; readonly count: () => number }> {
  const peer = await startPeer((_: Socket) => undefined)
  onTestFinished(() => peer.close())
  return peer
}

const SPECIAL = [
  ...['127.0.0.1', '10.0.0.1', '169.254.169.254', '0.0.0.0', '::1', '::', 'fe80::1', 'fd00::1'],
  ...['::ffff:127.0.0.1', '64:ff9b::7f00:1', '224.0.0.1', '255.255.255.255', '100.64.0.1'],
]

test.each(SPECIAL)(
  'a name that leads to %s is refused, and nothing is connected to',
  async (address) => {
    const { port, count } = await listen()
    const { open, log, account } = setScene({ ports: [port] }, [address])
    expect(await open('db.example', port)).toBe(Errno.ACCES)
    expect(count()).toBe(0)
    expect(log).toMatchObject([
      {
        ...{ code: 'OUTBOUND_BAD_ADDRESS', requestId: 'r-1', tenant: 'acme', handler: 'h' },
        to: `tcp://db.example:${port}`,
      },
    ])
    expect([...account.failures]).toEqual([['bad-address', 1]])
    expect(account.open).toBe(1)
  },
)

test('of several addresses those that are allowed are tried, in order', async () => {
  const { port, count } = await listen()
  // Nobody listens at the first two.
  const addresses = ['169.254.169.254', '127.0.0.2', '127.0.0.3', '127.0.0.1']
  const { open } = setScene({ ports: [port], isPrivate: true }, addresses)
  expect(await open('db.example', port)).toBe(Errno.SUCCESS)
  expect(count()).toBe(1)
})

test('each connection asks once, and goes to what was answered then', async () => {
  const { port, count } = await listen()
  const { open, asked } = setScene(
    { ports: [port], isPrivate: true },
    ['127.0.0.1'],
    ['169.254.0.1'],
  )
  expect(await open('db.example', port)).toBe(Errno.SUCCESS)
  expect(asked).toEqual(['db.example'])
  expect(await open('db.example', port)).toBe(Errno.ACCES)
  expect(asked).toHaveLength(2)
  expect(count()).toBe(1)
})

test('a name without addresses is refused', async () => {
  const { open } = setScene({ ports: [80] }, [])
  expect(await open('db.example', 80)).toBe(Errno.ACCES)
})

test('an address is not looked up', async () => {
  const { port } = await listen()
  const { open, asked } = setScene({ host: '127.0.0.1', ports: [port] })
  expect(await open('127.0.0.1', port)).toBe(Errno.SUCCESS)
  expect(asked).toEqual([])
})

test('ten lines a second are logged, and everything is counted', async () => {
  const { open, log, account } = setScene({ ports: [80] })
  const second = Math.floor(systemClock.nowMs() / 1000)
  for (let tries = 0; tries < 1000; tries++) expect(await open('x.example', 1)).toBe(Errno.ACCES)
  const seconds = Math.floor(systemClock.nowMs() / 1000) - second + 1
  expect(log.length).toBeGreaterThanOrEqual(10)
  expect(log.length).toBeLessThanOrEqual(10 * seconds)
  expect(account.failures.get('not-allowed')).toBe(1000)
})
