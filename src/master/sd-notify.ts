/**
 * Tells systemd how the service is doing (sd_notify(3)). Node has no unix datagram sockets: sendto(2) is called through
 * node:ffi, and where that is not to be had, systemd-notify(1) is run.
 */
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import type { Clock, Timer } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'

const AF_UNIX = 1
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000

/** Sends one message; false: it could not be. */
type Send = (message: string) => boolean

export interface Notifier {
  ready(status: string): void
  reloading(): void
  stopping(): void
  /** The process `pid` is the service from here on, and says so itself (`ready`). */
  follow(pid: number): void
  status(text: string): void
  /** Stops the watchdog's timer. */
  close(): void
}

/** A notifier for the service manager that `environment` names; one that does nothing where there is none. */
export function createNotifier(
  environment: Readonly<Record<string, string | undefined>>,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): Notifier {
  const { NOTIFY_SOCKET } = environment
  const send = NOTIFY_SOCKET === undefined ? () => true : findSend(NOTIFY_SOCKET, logger)
  let watchdog: Timer | undefined
  const intervalMs = watchdogIntervalMs(environment, process.pid)
  const pat = (): void => {
    send('WATCHDOG=1')
    if (intervalMs !== undefined) watchdog = clock.after(intervalMs, pat)
  }
  return {
    ready(status) {
      send(`READY=1\nSTATUS=${oneLine(status)}\nMAINPID=${process.pid}`)
      if (intervalMs !== undefined && watchdog === undefined) pat()
    },
    reloading: () => void send(`RELOADING=1\nMONOTONIC_USEC=${clock.monotonicNs() / 1000n}`),
    stopping: () => void send('STOPPING=1'),
    follow: (pid) => void send(`MAINPID=${pid}`),
    status: (text) => void send(`STATUS=${oneLine(text)}`),
    close: () => watchdog?.cancel(),
  }
}

/** Half of what sd_watchdog_enabled(3) says; undefined: nobody watches the process `pid`. */
export function watchdogIntervalMs(
  environment: Readonly<Record<string, string | undefined>>,
  pid: number,
): number | undefined {
  const { WATCHDOG_USEC, WATCHDOG_PID } = environment
  if (WATCHDOG_PID !== undefined && Number(WATCHDOG_PID) !== pid) return undefined
  const usec = Number(WATCHDOG_USEC ?? Number.NaN)
  return usec > 0 ? usec / 2000 : undefined
}

/**
 * `struct sockaddr_un`: `| family u16 | path |`. `@name` is the abstract socket of that name. Undefined: no address for a
 * unix socket (sd_notify knows AF_VSOCK, too), or too long for one.
 */
export function socketAddress(place: string): Buffer | undefined {
  const isAbstract = place.startsWith('@')
  if (!isAbstract && !place.startsWith('/')) return undefined
  const path = Buffer.from(isAbstract ? `\0${place.slice(1)}` : `${place}\0`)
  if (path.length > 108) return undefined
  const address = Buffer.alloc(2 + path.length)
  if (new Uint8Array(new Uint16Array([1]).buffer)[0] === 1) address.writeUInt16LE(AF_UNIX)
  else address.writeUInt16BE(AF_UNIX)
  path.copy(address, 2)
  return address
}

function findSend(place: string, logger: Logger): Send {
  const address = socketAddress(place)
  const direct = address === undefined ? undefined : openSocket(address)
  return (message) => {
    if (direct?.(message) === true) return true
    // A program of its own: the unit needs NotifyAccess=all for it.
    const program = spawn('systemd-notify', message.split('\n'), { stdio: 'ignore' })
    program.on('error', (error) => logger.debug(`systemd is not told: ${error.message}`))
    return true
  }
}

function openSocket(address: Buffer): Send | undefined {
  try {
    const ffi: typeof import('node:ffi') = createRequire(import.meta.url)('node:ffi')
    const { functions } = ffi.dlopen(null, {
      socket: { return: 'i32', arguments: ['i32', 'i32', 'i32'] },
      sendto: { return: 'i64', arguments: ['i32', 'pointer', 'u64', 'i32', 'pointer', 'u32'] },
    })
    const fd = functions.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0)
    if (fd < 0) return undefined
    return (message) => {
      const bytes = Buffer.from(message)
      const { length } = bytes
      const flags = MSG_DONTWAIT_NOSIGNAL
      return functions.sendto(fd, bytes, BigInt(length), flags, address, address.length) >= 0n
    }
  } catch {
    return undefined // no foreign functions here
  }
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ')
}
