/** wasi:clocks and wasi:random. */
import { Clockid } from '../../wasi/abi.ts'
import { fault } from '../guest-fault.ts'
import type { Value } from '../value.ts'
import type { ComponentHost } from './component-host.ts'
import { type Interface, plain } from './host-function.ts'
import { Pollable } from './pollable.ts'
import { MOVED_BYTES } from './preview1-calls.ts'

/** Bytes of one call, as of `random_get`. */
export const MAX_RANDOM_BYTES: number = 1024 * 1024
export const LATEST_NS = 2n ** 64n - 1n
const NS_PER_S = 1_000_000_000n

export const MONOTONIC_CLOCK: Interface = {
  now: plain('() -> u64', (host) => () => timeOf(host, Clockid.Monotonic)),
  resolution: plain('() -> u64', (host) => () => resolutionOf(host, Clockid.Monotonic)),
  'subscribe-instant': plain(
    '(u64) -> own<$pollable>',
    () => (deadlineNs: bigint) => new Pollable({ kind: 'clock', deadlineNs }),
  ),
  'subscribe-duration': plain('(u64) -> own<$pollable>', (host) => (duration: bigint) => {
    const at = timeOf(host, Clockid.Monotonic) + duration
    return new Pollable({ kind: 'clock', deadlineNs: at > LATEST_NS ? LATEST_NS : at })
  }),
}

export const WALL_CLOCK: Interface = {
  now: plain('() -> $datetime', (host) => () => datetime(timeOf(host, Clockid.Realtime))),
  resolution: plain(
    '() -> $datetime',
    (host) => () => datetime(resolutionOf(host, Clockid.Realtime)),
  ),
}

const bytes = plain('(u64) -> list<u8>', (host) => (length: bigint) => randomBytes(host, length))
const number = plain('() -> u64', (host) => () => randomNumber(host))

export const RANDOM: Interface = { 'get-random-bytes': bytes, 'get-random-u64': number }

export const INSECURE_RANDOM: Interface = {
  'get-insecure-random-bytes': bytes,
  'get-insecure-random-u64': number,
}

export const INSECURE_SEED: Interface = {
  // The same for all of a run.
  'insecure-seed': plain('() -> tuple<u64, u64>', (host) => () => {
    host.seed ??= [randomNumber(host), randomNumber(host)]
    return host.seed
  }),
}

/** Seconds and nanoseconds. */
export function datetime(ns: bigint): Value {
  return [ns / NS_PER_S, Number(ns % NS_PER_S)]
}

export function monotonicNow(host: ComponentHost): bigint {
  return timeOf(host, Clockid.Monotonic)
}

function timeOf({ calls }: ComponentHost, clock: number): bigint {
  calls.callNow('clock_time_get', clock, 0n, calls.movedAt)
  return calls.view.getBigUint64(calls.movedAt, true)
}

export function resolutionOf({ calls }: ComponentHost, clock: number): bigint {
  calls.callNow('clock_res_get', clock, calls.movedAt)
  return calls.view.getBigUint64(calls.movedAt, true)
}

function randomBytes({ calls }: ComponentHost, length: bigint): Uint8Array {
  if (length > BigInt(MAX_RANDOM_BYTES))
    throw fault(`${length} random bytes were asked for, wanted at most ${MAX_RANDOM_BYTES}`)
  const all = new Uint8Array(Number(length))
  for (let at = 0; at < all.length; at += MOVED_BYTES) {
    const count = Math.min(MOVED_BYTES, all.length - at)
    calls.callNow('random_get', calls.movedAt, count)
    all.set(calls.moved(count), at)
  }
  return all
}

function randomNumber({ calls }: ComponentHost): bigint {
  calls.callNow('random_get', calls.movedAt, 8)
  return calls.view.getBigUint64(calls.movedAt, true)
}
