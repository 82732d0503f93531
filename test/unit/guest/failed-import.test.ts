import { expect, test } from 'vitest'
import { failedImport } from '../../../src/guest/failed-import.ts'

const FRAME = (file: string, line: number): string => `  File "${file}", line ${line}, in <module>`

const CASES = [
  { name: 'nothing', said: '', reason: '', place: undefined },
  {
    name: 'a traceback without a file of its own',
    said: `Traceback (most recent call last):\n${FRAME('/usr/lib/python3.11/importlib/__init__.py', 126)}\nModuleNotFoundError: No module named 'shop'\n`,
    reason: "ModuleNotFoundError: No module named 'shop'",
    place: undefined,
  },
  {
    name: 'the last own file, not a package’s',
    said: `Traceback (most recent call last):\n${FRAME('/srv/shop/wsgi.py', 1)}\n    import a\n${FRAME('/srv/shop/a.py', 7)}\n${FRAME('/srv/shop/site-packages/b.py', 2)}\n${FRAME('<frozen importlib._bootstrap>', 9)}\nValueError: x\n`,
    reason: 'ValueError: x',
    place: { file: '/srv/shop/a.py', line: 7 },
  },
  {
    name: 'a package’s, where there is no other',
    said: `Traceback (most recent call last):\n${FRAME('/srv/shop/site-packages/b.py', 2)}\nValueError: x\n`,
    reason: 'ValueError: x',
    place: { file: '/srv/shop/site-packages/b.py', line: 2 },
  },
  {
    name: 'another folder whose name goes on',
    said: `Traceback (most recent call last):\n${FRAME('/srv/shop2/b.py', 2)}\nValueError: x\n`,
    reason: 'ValueError: x',
    place: undefined,
  },
  {
    name: 'a native module, whatever comes after',
    said: `Traceback (most recent call last):\n${FRAME('/srv/shop/wsgi.py', 3)}\nImportError: module 'n._n' is native code and cannot be had here: /x.so\n\nThe above exception\n\nImportError: read this\n\nGood luck\n`,
    reason: "ImportError: module 'n._n' is native code and cannot be had here: /x.so",
    place: { file: '/srv/shop/wsgi.py', line: 3 },
  },
]

test.each(CASES)('$name', ({ said, reason, place }) => {
  expect(failedImport(said, '/srv/shop')).toEqual({ reason, place })
})
