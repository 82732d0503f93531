import { expect, test } from 'vitest'
import { readTarget } from '../../../src/oci/transport-rules.ts'

const CASES: readonly (readonly [from: string, to: string, plainHttp: boolean, wanted: string])[] =
  [
    ['https://r.example/v2/', '/x?y=z', false, 'https://r.example/x?y=z'],
    ['https://r.example/v2/', 'https://s.example/x', false, 'https://s.example/x'],
    // Never out of encryption: neither to others nor to this machine, allowed or not.
    ['https://r.example/v2/', 'http://r.example/x', true, 'OCI_PLAIN_HTTP'],
    ['https://r.example/v2/', 'http://127.0.0.1/x', true, 'OCI_PLAIN_HTTP'],
    ['https://r.example/v2/', 'http://localhost/x', false, 'OCI_PLAIN_HTTP'],
    ['http://127.0.0.1:5000/v2/', '/x', false, 'http://127.0.0.1:5000/x'],
    ['http://127.0.0.1:5000/v2/', 'http://localhost:6000/x', false, 'http://localhost:6000/x'],
    ['http://127.0.0.1:5000/v2/', 'https://s.example/x', false, 'https://s.example/x'],
    ['http://127.0.0.1:5000/v2/', 'http://s.example/x', false, 'OCI_PLAIN_HTTP'],
    ['http://r.example/v2/', 'http://s.example/x', true, 'http://s.example/x'],
    ['https://r.example/v2/', 'ftp://s.example/x', false, 'OCI_BAD_ANSWER'],
    ['https://r.example/v2/', 'javascript:alert(1)', false, 'OCI_BAD_ANSWER'],
    ['https://r.example/v2/', 'https://u:p@s.example/', false, 'OCI_BAD_ANSWER'],
    ['https://r.example/v2/', 'https://', false, 'OCI_BAD_ANSWER'],
  ]

test.each(CASES)('%s sends us to %s (plain http: %s)', (from, to, plainHttp, wanted) => {
  const read = () => readTarget(to, new URL(from), plainHttp).href
  if (wanted.startsWith('OCI_'))
    expect(read).toThrowError(expect.objectContaining({ code: wanted }))
  else expect(read()).toBe(wanted)
})
