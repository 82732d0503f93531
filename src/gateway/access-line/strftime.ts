/** strftime(3) in the C locale and the machine's time zone (`TZ`), for access lines and status pages. */

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]

const DAY_MS = 86_400_000

const CONVERSIONS: Readonly<Record<string, (date: Date) => string>> = {
  '%': () => '%',
  a: (date) => (DAYS[date.getDay()] ?? '').slice(0, 3),
  A: (date) => DAYS[date.getDay()] ?? '',
  b: shortMonth,
  B: (date) => MONTHS[date.getMonth()] ?? '',
  c: (date) => strftime('%a %b %e %H:%M:%S %Y', date.getTime()),
  C: (date) => two(Math.floor(date.getFullYear() / 100)),
  d: (date) => two(date.getDate()),
  D: (date) => strftime('%m/%d/%y', date.getTime()),
  e: (date) => String(date.getDate()).padStart(2),
  F: (date) => strftime('%Y-%m-%d', date.getTime()),
  g: (date) => two(isoWeek(date).year % 100),
  G: (date) => String(isoWeek(date).year),
  h: shortMonth,
  H: (date) => two(date.getHours()),
  I: (date) => two(twelve(date)),
  j: (date) => String(dayOfYear(date) + 1).padStart(3, '0'),
  k: (date) => String(date.getHours()).padStart(2),
  l: (date) => String(twelve(date)).padStart(2),
  m: (date) => two(date.getMonth() + 1),
  M: (date) => two(date.getMinutes()),
  n: () => '\n',
  p: (date) => (date.getHours() < 12 ? 'AM' : 'PM'),
  P: (date) => (date.getHours() < 12 ? 'am' : 'pm'),
  r: (date) => strftime('%I:%M:%S %p', date.getTime()),
  R: (date) => strftime('%H:%M', date.getTime()),
  s: (date) => String(Math.floor(date.getTime() / 1000)),
  S: (date) => two(date.getSeconds()),
  t: () => '\t',
  T: (date) => strftime('%H:%M:%S', date.getTime()),
  u: (date) => String(date.getDay() || 7),
  U: (date) => two(Math.floor((dayOfYear(date) + 7 - date.getDay()) / 7)),
  V: (date) => two(isoWeek(date).week),
  w: (date) => String(date.getDay()),
  W: (date) => two(Math.floor((dayOfYear(date) + 7 - ((date.getDay() + 6) % 7)) / 7)),
  x: (date) => strftime('%m/%d/%y', date.getTime()),
  X: (date) => strftime('%H:%M:%S', date.getTime()),
  y: (date) => two(date.getFullYear() % 100),
  Y: (date) => String(date.getFullYear()),
  z: offset,
  Z: zoneName,
}

/** Prints `epochMs` (milliseconds since 1970 UTC) as `format` says. What is no conversion stays as it is. */
export function strftime(format: string, epochMs: number): string {
  const date = new Date(epochMs)
  return format.replace(/%[EO]?(.)/gsu, (whole, letter: string) =>
    Object.hasOwn(CONVERSIONS, letter) ? (CONVERSIONS[letter]?.(date) ?? whole) : whole,
  )
}

function two(number: number): string {
  return String(number).padStart(2, '0')
}

function shortMonth(date: Date): string {
  return (MONTHS[date.getMonth()] ?? '').slice(0, 3)
}

function twelve(date: Date): number {
  return date.getHours() % 12 || 12
}

/** From 0. Counted in UTC, where every day has 24 hours. */
function dayOfYear(date: Date): number {
  const year = date.getFullYear()
  return (Date.UTC(year, date.getMonth(), date.getDate()) - Date.UTC(year, 0, 1)) / DAY_MS
}

/** ISO 8601: the week belongs to the year that its Thursday is in. */
function isoWeek(date: Date): { readonly year: number; readonly week: number } {
  const thursday = new Date(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()))
  thursday.setUTCDate(thursday.getUTCDate() + 4 - (thursday.getUTCDay() || 7))
  const year = thursday.getUTCFullYear()
  return { year, week: Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / DAY_MS / 7) + 1 }
}

function offset(date: Date): string {
  const minutes = -date.getTimezoneOffset()
  const size = Math.abs(minutes)
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}${two(size % 60)}`
}

function zoneName(date: Date): string {
  const parts = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(date)
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? ''
}
