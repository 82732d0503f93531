/** wasi:clocks of 0.3, and what has another name in its wasi:random. */
import { Clockid } from '../../wasi/abi.ts'
import { Deferred } from '../deferred.ts'
import type { Value } from '../value.ts'
import {
  INSECURE_SEED,
  LATEST_NS,
  MONOTONIC_CLOCK,
  monotonicNow,
  resolutionOf,
  WALL_CLOCK,
} from './clock-functions.ts'
import type { ComponentHost } from './component-host.ts'
import { type HostFunction, type Interface, plain, waiting } from './host-function.ts'
import type { Wish } from './preview1-calls.ts'

class Alarm extends Deferred {
  readonly #host: ComponentHost
  readonly #deadlineNs: bigint

  constructor(host: ComponentHost, deadlineNs: bigint) {
    super()
    this.#host = host
    this.#deadlineNs = deadlineNs > LATEST_NS ? LATEST_NS : deadlineNs
  }

  outcome(): readonly [Value] | undefined {
    return monotonicNow(this.#host) >= this.#deadlineNs ? [undefined] : undefined
  }

  wishes(): readonly Wish[] {
    return [{ kind: 'clock', deadlineNs: this.#deadlineNs }]
  }
}

const { now: NOW = [], resolution: RESOLUTION = [] } = MONOTONIC_CLOCK

export const MONOTONIC_CLOCK_3: Interface = {
  now: NOW,
  'get-resolution': RESOLUTION,
  'wait-until': waiting(
    'async (u64) -> ()',
    (host) => (deadlineNs: bigint) => new Alarm(host, deadlineNs),
  ),
  'wait-for': waiting(
    'async (u64) -> ()',
    (host) => (duration: bigint) => new Alarm(host, monotonicNow(host) + duration),
  ),
}

const { now: WALL_NOW = [] } = WALL_CLOCK

/** Of the time since 1970, which is before no one's. */
const asInstant = (one: HostFunction): HostFunction => ({ ...one, type: '() -> $instant' })

export const SYSTEM_CLOCK: Interface = {
  now: [WALL_NOW].flat().map(asInstant),
  'get-resolution': plain('() -> u64', (host) => () => resolutionOf(host, Clockid.Realtime)),
}

const { 'insecure-seed': SEED = [] } = INSECURE_SEED

export const INSECURE_SEED_3: Interface = { 'get-insecure-seed': SEED }
