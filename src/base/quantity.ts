/** Sizes and times as people read them. */

const SIZES = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** `512 bytes`, `1.5 KiB`, `64 MiB`. */
export function printBytes(bytes: number): string {
  let amount = bytes
  let unit = 0
  while (amount >= 1024 && unit < SIZES.length - 1) {
    amount /= 1024
    unit += 1
  }
  return `${unit > 0 && amount < 10 ? amount.toFixed(1) : Math.round(amount)} ${SIZES[unit]}`
}

/** `0.4 ms`, `12 ms`, `3.2 s`, `5 min`, `3 h`, `2 d`. */
export function printMs(ms: number): string {
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`
  const seconds = ms / 1000
  if (seconds < 120) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`
  const minutes = seconds / 60
  if (minutes < 120) return `${Math.round(minutes)} min`
  return minutes < 48 * 60 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 60 / 24)} d`
}

/** `07:08:09.045`, of this machine's time zone. */
export function clockTime(timeMs: number): string {
  const date = new Date(timeMs)
  if (Number.isNaN(timeMs)) return '-'
  const two = (part: number): string => String(part).padStart(2, '0')
  const milliseconds = String(date.getMilliseconds()).padStart(3, '0')
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${milliseconds}`
}
