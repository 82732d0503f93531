/** What a program that failed has to say for itself: the line of its standard error that says why, and not the last one. */

/** How languages begin to say so. Where the reason is on the lines after it, those are taken as well. */
const BEGINNINGS: readonly { readonly pattern: RegExp; readonly hasReasonBelow: boolean }[] = [
  // Rust: "thread 'main' panicked at src/main.rs:3:5:", the reason (of assert_eq: 3 lines), "note: run with `RUST_BACKTRACE=1` ..."
  { pattern: /^thread '.*' .*panicked at .*:$/, hasReasonBelow: true },
  { pattern: /panicked at /, hasReasonBelow: false },
  // Go: "panic: boom", then every goroutine's stack
  { pattern: /^(?:panic|fatal error|runtime error): /, hasReasonBelow: false },
  // AssemblyScript, C, C++, Swift
  {
    pattern: /^abort: |Assertion .*failed|^terminate called |Fatal error: /,
    hasReasonBelow: false,
  },
  // JavaScript: "TypeError: x is not a function", then the stack; "Uncaught ..." before it
  { pattern: /^(?:Uncaught )?[A-Za-z]*(?:Error|Exception)\b.*: /, hasReasonBelow: false },
  // .NET, Java
  { pattern: /^(?:Unhandled exception|Exception in thread)/i, hasReasonBelow: false },
]

/** Python's reason is at the end of its stack. */
const REASON_LAST = /^Traceback \(most recent call last\)/

/** Lines of a reason that are taken. */
const MOST_BELOW = 4

/** What a reason is followed by. */
const STACK = /^stack backtrace:$/

/** Lines that only say how to learn more. */
const HINT = /^(?:note|help|hint): /i

/** Empty: it has said nothing. */
export function lastWords(stderr: string): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  const said = lines.filter((line) => !HINT.test(line))
  const last = said.at(-1) ?? lines.at(-1) ?? ''
  if (lines.some((line) => REASON_LAST.test(line))) return last
  for (const [at, line] of lines.entries()) {
    const beginning = BEGINNINGS.find(({ pattern }) => pattern.test(line))
    if (beginning === undefined || HINT.test(line)) continue
    if (!beginning.hasReasonBelow) return line
    const below = lines.slice(at + 1, at + 1 + MOST_BELOW)
    const end = below.findIndex((one) => HINT.test(one) || STACK.test(one))
    return [line, ...below.slice(0, end < 0 ? MOST_BELOW : end)].join(' ')
  }
  return last
}

/** Whether a line of standard error is one that programs say when they fail. */
export function tellsFailure(line: string): boolean {
  return REASON_LAST.test(line) || BEGINNINGS.some(({ pattern }) => pattern.test(line))
}
