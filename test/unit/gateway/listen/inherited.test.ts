import { openSync } from 'node:fs'
import { expect, test } from 'vitest'
import {
  activatedSockets,
  inheritedDescriptors,
  isListeningSocket,
} from '../../../../src/gateway/listen/inherited.ts'

const CASES = [
  { name: 'nothing set', environment: {}, sockets: [] },
  {
    name: 'two sockets with names',
    environment: { LISTEN_PID: '7', LISTEN_FDS: '2', LISTEN_FDNAMES: 'www:api' },
    sockets: [
      { fd: 3, name: 'www' },
      { fd: 4, name: 'api' },
    ],
  },
  {
    name: 'no names, or too few',
    environment: { LISTEN_PID: '7', LISTEN_FDS: '2', LISTEN_FDNAMES: 'www' },
    sockets: [
      { fd: 3, name: 'www' },
      { fd: 4, name: 'unknown' },
    ],
  },
  { name: 'for another process', environment: { LISTEN_PID: '8', LISTEN_FDS: '2' }, sockets: [] },
  { name: 'no process', environment: { LISTEN_FDS: '2' }, sockets: [] },
  { name: 'no number', environment: { LISTEN_PID: '7', LISTEN_FDS: 'x' }, sockets: [] },
]

test.each(CASES)('systemd: $name', ({ environment, sockets }) => {
  expect(activatedSockets(environment, 7)).toEqual(sockets)
})

test('an address by name stands for every socket of that name', () => {
  const activated = [
    { fd: 3, name: 'www' },
    { fd: 4, name: 'api' },
    { fd: 5, name: 'www' },
  ]
  expect(inheritedDescriptors({ kind: 'systemd', name: 'www' }, activated)).toEqual([3, 5])
  expect(inheritedDescriptors({ kind: 'unix', path: '/x' }, activated)).toBeUndefined()
  expect(() => inheritedDescriptors({ kind: 'systemd', name: 'db' }, activated)).toThrow(
    'Cannot listen on systemd:db: systemd handed over the sockets: www, api, www',
  )
})

test('a file and a closed descriptor are no listening sockets', () => {
  expect(isListeningSocket(openSync('/dev/null', 'r'))).toBe(false)
  expect(isListeningSocket(99_999)).toBe(false)
  expect(() => inheritedDescriptors({ kind: 'fd', fd: 99_999 }, [])).toThrow(
    expect.objectContaining({ code: 'GATEWAY_LISTEN_NOT_INHERITED' }),
  )
})
