import { expect, test } from 'vitest'
import {
  type HostRule,
  type HostTarget,
  mayReach,
  ruleFor,
} from '../../../src/outbound/outbound-rule.ts'

const rule = (host: string, more: Partial<HostRule> = {}): HostRule => ({
  ...{ host, ports: [80, 81], protocol: 'tcp', methods: [], isPrivate: false, ca: undefined },
  ...more,
})

const RULES = [
  rule('*', { ports: [443], protocol: 'tls' }),
  rule('*.example.org'),
  rule('db.example.org', { isPrivate: true }),
  rule('10.0.0.7'),
]

const TARGETS: ReadonlyArray<readonly [to: string, host: string | undefined]> = [
  ['tcp db.example.org 80', 'db.example.org'],
  ['tcp db.example.org 81', 'db.example.org'],
  ['tcp db.example.org 82', undefined],
  ['tls db.example.org 80', undefined],
  ['tls db.example.org 443', '*'],
  ['tls 8.8.8.8 443', '*'],
  ['tcp www.example.org 80', '*.example.org'],
  ['tcp a.b.example.org 80', '*.example.org'],
  ['tcp example.org 80', undefined],
  ['tcp badexample.org 80', undefined],
  ['tcp example.org.evil 80', undefined],
  ['tcp 10.0.0.7 80', '10.0.0.7'],
  ['tcp 10.0.0.8 80', undefined],
  ['tcp 010.0.0.7 80', undefined],
]

test.each(TARGETS)('%s by %s', (to, found) => {
  const [protocol = '', host = '', port] = to.split(' ')
  const target = { protocol, host, port: Number(port) } as HostTarget
  expect(ruleFor(RULES, target)?.host).toBe(found)
})

test('an entry with methods is for these, and for nobody who sends what he likes', () => {
  const rules = [rule('api.example', { methods: ['GET', 'HEAD'] })]
  const target: HostTarget = { protocol: 'tcp', host: 'api.example', port: 80 }
  expect(ruleFor(rules, { ...target, method: 'GET' })).toBe(rules[0])
  expect(ruleFor(rules, { ...target, method: 'POST' })).toBeUndefined()
  expect(ruleFor(rules, { ...target, method: 'get' })).toBeUndefined()
  expect(ruleFor(rules, target)).toBeUndefined()
  expect(ruleFor(RULES, { ...target, host: '10.0.0.7', method: 'PUT' })).toBe(RULES[3])
})

const REACHED: ReadonlyArray<readonly [address: string, plain: boolean, isPrivate: boolean]> = [
  ['8.8.8.8', true, true],
  ['10.0.0.7', false, true],
  ['127.0.0.1', false, true],
  ['::1', false, true],
  ['fd00::1', false, true],
  ['169.254.169.254', false, false],
  ['fe80::1', false, false],
  ['0.0.0.0', false, false],
  ['::', false, false],
  ['::ffff:127.0.0.1', false, false],
  ['::ffff:8.8.8.8', false, false],
  ['64:ff9b::a00:7', false, false],
  ['255.255.255.255', false, false],
  ['224.0.0.1', false, false],
]

test.each(REACHED)('%s by name: %s, with private: %s; by itself always', (address, plain, own) => {
  for (const host of ['db.example', '*.example', '*']) {
    expect(mayReach(rule(host), address)).toBe(plain)
    expect(mayReach(rule(host, { isPrivate: true }), address)).toBe(own)
  }
  expect(mayReach(rule(address), address)).toBe(true)
})
