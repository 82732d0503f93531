/** Connections that a guest opens: it has a descriptor only when they are open, and whatever ends its session closes them. */
import { expect, test } from 'vitest'
import { Errno } from '../../../src/wasi/errno.ts'
import { isPending, makeProbe, type Probe } from './probe.ts'
import { SlowPeer } from './slow-peer.ts'

async function start(): Promise<{ readonly peer: SlowPeer; readonly probe: Probe }> {
  const peer = new SlowPeer()
  return { peer, probe: await makeProbe({ preopens: [{ guestPath: '/dev', directory: peer }] }) }
}

const OUTCOMES = [
  { name: 'open at once', errno: Errno.SUCCESS, early: true, fd: 4, closed: 0 },
  { name: 'open later', errno: Errno.SUCCESS, early: false, fd: 4, closed: 0 },
  { name: 'refused at once', errno: Errno.CONNREFUSED, early: true, fd: -1, closed: 1 },
  { name: 'refused later', errno: Errno.TIMEDOUT, early: false, fd: -1, closed: 1 },
]

test.for(OUTCOMES)('$name', async ({ errno, early, fd, closed }) => {
  const { peer, probe } = await start()
  if (early) peer.answer(errno)
  const opened = probe.open(3, 'x')
  if (!early) {
    expect(await isPending(opened)).toBe(true)
    peer.answer(errno)
  }
  expect(await opened).toEqual({ errno, fd })
  expect(peer.closed).toBe(closed)
  // The number of one that failed is free again.
  expect(await probe.call('fd_close', 4)).toBe(fd === 4 ? Errno.SUCCESS : Errno.BADF)
  expect(peer.closed).toBe(1)
})

test('the end of the session closes what is open, and what is being opened', async () => {
  const { peer, probe } = await start()
  peer.answer()
  await probe.open(3, 'x')
  probe.host.end()
  expect(peer.closed).toBe(1)
  const other = await start()
  const opened = other.probe.open(3, 'x')
  expect(await isPending(opened)).toBe(true)
  other.probe.host.end()
  expect(other.peer.closed).toBe(1)
  await expect(opened).rejects.toThrow()
})

test('nothing more is sent after a shutdown, which only connections know', async () => {
  const { peer, probe } = await start()
  peer.answer()
  const { fd } = await probe.open(3, 'x')
  const cases = [
    [fd, 2, Errno.SUCCESS],
    [fd, 3, Errno.SUCCESS],
    [fd, 1, Errno.SUCCESS],
    [fd, 0, Errno.INVAL],
    [fd, 4, Errno.INVAL],
    [1, 2, Errno.NOTSOCK],
    [3, 2, Errno.NOTSOCK],
    [9, 2, Errno.BADF],
  ] as const
  for (const [at, how, errno] of cases)
    expect([at, how, await probe.call('sock_shutdown', at, how)]).toEqual([at, how, errno])
})
