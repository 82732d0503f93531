/** What the machine gets programs from, asked for sources. */
import { expect, test } from 'vitest'
import { sourceLines, sourceParagraphs } from '../../../../src/cli/runtime/apt-sources.ts'

const LINES = [
  {
    name: 'a line',
    text: 'deb http://mirror/debian bookworm main\n',
    wanted: 'deb-src http://mirror/debian bookworm main',
  },
  {
    name: 'options',
    text: 'deb [signed-by=/a.gpg arch=amd64] http://mirror/debian bookworm main contrib\n',
    wanted: 'deb-src [signed-by=/a.gpg arch=amd64] http://mirror/debian bookworm main contrib',
  },
  {
    name: 'comments, sources and empty lines',
    text: '# deb http://a b c\n\ndeb-src http://mirror/debian bookworm main\n',
    wanted: '',
  },
]
test.for(LINES)('lines: $name', ({ text, wanted }) => {
  expect(sourceLines(text)).toBe(wanted)
})

const PARAGRAPHS = [
  {
    name: 'a comment within, two paragraphs',
    text: 'Types: deb\n# from a snapshot\nURIs: http://mirror/debian\nSuites: bookworm\n\nTypes: deb\nURIs: http://b\n',
    wanted:
      'Types: deb-src\nURIs: http://mirror/debian\nSuites: bookworm\n\nTypes: deb-src\nURIs: http://b',
  },
  {
    name: 'both types',
    text: 'Types: deb deb-src\nURIs: http://mirror/debian\n',
    wanted: 'Types: deb-src\nURIs: http://mirror/debian',
  },
  { name: 'sources only', text: 'Types: deb-src\nURIs: http://mirror/debian\n', wanted: '' },
  { name: 'turned off', text: 'Enabled: no\nTypes: deb\nURIs: http://mirror/debian\n', wanted: '' },
  { name: 'nothing', text: '', wanted: '' },
]
test.for(PARAGRAPHS)('paragraphs: $name', ({ text, wanted }) => {
  expect(sourceParagraphs(text)).toBe(wanted)
})
