/** What is told of how a guest ended. */
import { expect, test } from 'vitest'
import { guestFrames, MAX_FRAMES } from '../../../src/guest/outcome.ts'

test('a backtrace has its first frames', () => {
  const line = (at: number): string =>
    `    at x.wasm.f${at} (wasm://wasm/x.wasm-12345678:wasm-function[${at}]:0x1f3)`
  const stack = ['RuntimeError: unreachable', '    at node:internal/x:1:2']
  for (let at = 0; at < 30; at++) stack.push(line(at))
  const frames = guestFrames(stack.join('\n'))
  expect(frames).toHaveLength(MAX_FRAMES)
  expect(frames[0]).toBe('f0 (function 0, offset 0x1f3)')
})
