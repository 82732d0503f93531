import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { LogReader } from '../../../src/logs/log-reader.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-logs-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function line(time: number, tenant: string, msg: string): string {
  return `${JSON.stringify({ time, tenant, msg })}\n`
}

function setUp(tenant?: string) {
  const shared = join(folder, 'error.log')
  const own = join(folder, 'a.log')
  writeFileSync(shared, line(10, 'a', 's1') + line(30, 'b', 's2') + line(50, 'a', 's3'))
  writeFileSync(own, `${line(20, 'a', 'o1')}no time\n${line(40, 'a', 'o2')}`)
  const sources = [
    { path: shared, owner: undefined },
    { path: own, owner: 'a' },
  ]
  return { shared, own, reader: new LogReader(sources, { tenant }) }
}

function messages(found: ReturnType<LogReader['last']>): readonly unknown[] {
  return found.map(({ entry }) => entry.fields?.['msg'] ?? entry.text)
}

test('several files as one, in the order of time', () => {
  const { reader } = setUp()
  expect(messages(reader.last(10))).toEqual(['s1', 'o1', 'no time', 's2', 'o2', 's3'])
})

test('the last of all of them', () => {
  expect(messages(setUp().reader.last(2))).toEqual(['o2', 's3'])
  expect(messages(setUp().reader.last(0))).toEqual([])
})

test('one tenant: of a shared file its lines, of its own file all', () => {
  expect(messages(setUp('a').reader.last(10))).toEqual(['s1', 'o1', 'no time', 'o2', 's3'])
  expect(messages(setUp('b').reader.last(10))).toEqual(['s2'])
})

test('a tenant whose lines are far back is looked for further back', () => {
  const { shared, reader } = setUp('b')
  appendFileSync(shared, line(60, 'a', 'x').repeat(5000))
  expect(messages(reader.last(1))).toEqual(['s2'])
})

test('what comes, filtered', () => {
  const { shared, own, reader } = setUp('b')
  reader.last(0)
  appendFileSync(shared, line(60, 'b', 's4') + line(61, 'a', 's5'))
  appendFileSync(own, line(62, 'a', 'o3'))
  expect(messages(reader.next())).toEqual(['s4'])
  expect(messages(reader.next())).toEqual([])
  reader.close()
})
