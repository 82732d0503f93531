/** Standard error as the languages' own programs write it when they fail. */
import { expect, test } from 'vitest'
import { lastWords } from '../../../src/base/last-words.ts'

const CASES = [
  { name: 'nothing', stderr: '\n', says: '' },
  { name: 'one line', stderr: 'no such order\n', says: 'no such order' },
  { name: 'several lines', stderr: 'starting\nno such order\n', says: 'no such order' },
  {
    name: 'Rust',
    stderr:
      "starting\n\nthread 'main' panicked at src/main.rs:3:18:\ncalled `Option::unwrap()` on a `None` value\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
    says: "thread 'main' panicked at src/main.rs:3:18: called `Option::unwrap()` on a `None` value",
  },
  {
    name: 'Rust with a thread id',
    stderr:
      "thread 'main' (1) panicked at src/main.rs:3:18:\nboom\nnote: run with `RUST_BACKTRACE=1`\n",
    says: "thread 'main' (1) panicked at src/main.rs:3:18: boom",
  },
  {
    name: 'Rust, a reason of several lines',
    stderr:
      "thread 'main' panicked at src/main.rs:3:5:\nassertion `left == right` failed: sums\n  left: 1\n right: 2\nnote: run with `RUST_BACKTRACE=1`\n",
    says: "thread 'main' panicked at src/main.rs:3:5: assertion `left == right` failed: sums left: 1 right: 2",
  },
  {
    name: 'Rust with a stack, and more after it',
    stderr:
      "thread 'main' panicked at src/main.rs:3:5:\nboom\nstack backtrace:\n   0: main\nlater\n",
    says: "thread 'main' panicked at src/main.rs:3:5: boom",
  },
  {
    name: 'Rust, a reason without an end',
    stderr: `thread 'main' panicked at src/main.rs:3:5:\n${'line\n'.repeat(9)}`,
    says: "thread 'main' panicked at src/main.rs:3:5: line line line line",
  },
  {
    name: 'Rust before 1.73',
    stderr:
      "thread 'main' panicked at 'boom', src/main.rs:2:5\nnote: run with `RUST_BACKTRACE=1`\n",
    says: "thread 'main' panicked at 'boom', src/main.rs:2:5",
  },
  {
    name: 'Go',
    stderr:
      'panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:4 +0x2\nexit status 2\n',
    says: 'panic: boom',
  },
  {
    name: 'AssemblyScript',
    stderr: 'abort: boom in assembly/index.ts(4:3)\n',
    says: 'abort: boom in assembly/index.ts(4:3)',
  },
  {
    name: 'C',
    stderr: 'Assertion failed: n > 0 (main.c: main: 7)\n',
    says: 'Assertion failed: n > 0 (main.c: main: 7)',
  },
  {
    name: 'JavaScript',
    stderr:
      'Uncaught TypeError: x is not a function\n    at main (index.js:2:3)\n    at index.js:5:1\n',
    says: 'Uncaught TypeError: x is not a function',
  },
  {
    name: 'Python',
    stderr:
      'Traceback (most recent call last):\n  File "app.py", line 1, in <module>\nValueError: boom\n',
    says: 'ValueError: boom',
  },
  { name: 'a hint alone', stderr: 'note: see the manual\n', says: 'note: see the manual' },
]

test.for(CASES)('$name', ({ stderr, says }) => {
  expect(lastWords(stderr)).toBe(says)
})
