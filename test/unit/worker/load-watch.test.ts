/** A worker is busy while it uses the processor, or its guests wait for it, and it has requests. */
import { expect, test } from 'vitest'
import type { Clock } from '../../../src/base/clock.ts'
import { LoadWatch, MEASURE_MS } from '../../../src/worker/load-watch.ts'

test('tells when it gets busy, as long as it is, and when it is over', () => {
  let [nowMs, cpuMs, loopActiveMs, lookingMs, active, measured] = [0, 0, 0, 0, 1, 0]
  let doGuestsWait = false
  let timer: (() => void) | undefined
  const clock: Clock = {
    nowMs: () => nowMs,
    monotonicNs: () => 0n,
    realtimeNs: () => 0n,
    epochMs: () => 0,
    processCpuNs: () => BigInt(Math.round(cpuMs * 1e6)),
    threadCpuMs: () => cpuMs,
    after: (_delayMs, callback) => {
      timer = callback
      return { cancel: () => undefined }
    },
  }
  const told: boolean[] = []
  const watch = new LoadWatch({
    clock,
    activeRequests: () => active,
    loopActiveMs: () => loopActiveMs,
    lookingMs: () => lookingMs,
    doGuestsWait: () => doGuestsWait,
    onLoad: (isBusy) => told.push(isBusy),
    onMeasured: () => {
      measured += 1
    },
  })
  const pass = (share: number, activeShare = share): void => {
    nowMs += MEASURE_MS
    cpuMs += MEASURE_MS * share
    loopActiveMs += MEASURE_MS * activeShare
    const callback = timer
    timer = undefined
    callback?.()
  }
  expect(timer).toBeUndefined()
  watch.requestBegins()
  pass(0.5)
  expect(told).toEqual([])
  pass(0.9)
  pass(0.6)
  expect(told).toEqual([true, true])
  pass(0.4)
  pass(0.4)
  expect(told).toEqual([true, true, false])
  pass(1)
  active = 0
  pass(1)
  expect(told).toEqual([true, true, false, true, false])
  expect(measured).toBe(7)
  // Nothing to do: no timer until the next request.
  expect(timer).toBeUndefined()
  active = 1
  watch.requestBegins()
  expect(timer).toBeDefined()

  // The machine gives it less of a processor than it wants: busy only if guests wait.
  pass(0.3, 1)
  expect(told).toHaveLength(5)
  doGuestsWait = true
  pass(0.3, 1)
  expect(told.slice(5)).toEqual([true])
  // Looking for a request that may come is no work.
  lookingMs += MEASURE_MS * 0.6
  pass(1)
  expect(told.slice(6)).toEqual([false])
})
