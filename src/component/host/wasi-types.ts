/** The named types of WASI 0.2, as `print-type.ts` prints them: `$name` in the types of functions. */

const RESOURCES: Readonly<Record<string, readonly string[]>> = {
  'wasi:io/error': ['error'],
  'wasi:io/poll': ['pollable'],
  'wasi:io/streams': ['input-stream', 'output-stream'],
  'wasi:filesystem/types': ['descriptor', 'directory-entry-stream'],
  'wasi:cli/terminal-input': ['terminal-input'],
  'wasi:cli/terminal-output': ['terminal-output'],
  'wasi:http/types': [
    ...['fields', 'incoming-request', 'outgoing-request', 'request-options', 'response-outparam'],
    ...['incoming-response', 'incoming-body', 'future-trailers', 'outgoing-response'],
    ...['outgoing-body', 'future-incoming-response'],
  ],
  'wasi:sockets/network': ['network'],
  'wasi:sockets/ip-name-lookup': ['resolve-address-stream'],
  'wasi:sockets/tcp': ['tcp-socket'],
  'wasi:sockets/udp': ['udp-socket', 'incoming-datagram-stream', 'outgoing-datagram-stream'],
  'wasi:keyvalue/store': ['bucket'],
  'wasi:keyvalue/atomics': ['cas'],
}

/** Of 0.3, which has some of the same names: `$name-3`. */
const RESOURCES_3: Readonly<Record<string, readonly string[]>> = {
  'wasi:filesystem/types@0.3': ['descriptor'],
  'wasi:cli/terminal-input@0.3': ['terminal-input'],
  'wasi:cli/terminal-output@0.3': ['terminal-output'],
  'wasi:sockets/types@0.3': ['tcp-socket', 'udp-socket'],
  'wasi:http/types@0.3': ['fields', 'request', 'request-options', 'response'],
}

const IPV4 = 'tuple<u8, u8, u8, u8>'
const IPV6 = 'tuple<u16, u16, u16, u16, u16, u16, u16, u16>'
const FIELD_SIZE = 'record{field-name: option<string>, field-size: option<u32>}'

const FILE_ERRORS: readonly string[] = [
  ...['already', 'bad-descriptor', 'busy', 'deadlock', 'quota'],
  ...['exist', 'file-too-large', 'illegal-byte-sequence', 'in-progress', 'interrupted'],
  ...['invalid', 'io', 'is-directory', 'loop', 'too-many-links', 'message-size'],
  ...['name-too-long', 'no-device', 'no-entry', 'no-lock', 'insufficient-memory'],
  ...['insufficient-space', 'not-directory', 'not-empty', 'not-recoverable'],
  ...['unsupported', 'no-tty', 'no-such-device', 'overflow', 'not-permitted', 'pipe'],
  ...['read-only', 'invalid-seek', 'text-file-busy', 'cross-device'],
]

const NAMED: ReadonlyMap<string, string> = new Map([
  ...Object.entries(RESOURCES).flatMap(([from, names]) =>
    names.map((name) => [name, `${from}#${name}`] as const),
  ),
  ...Object.entries(RESOURCES_3).flatMap(([from, names]) =>
    names.map((name) => [`${name}-3`, `${from}#${name}`] as const),
  ),
  ['cli-error', 'enum{io, illegal-byte-sequence, pipe}'],
  ['instant', 'record{seconds: s64, nanoseconds: u32}'],
  [
    'header-error-3',
    'variant{invalid-syntax, forbidden, immutable, size-exceeded, other(option<string>)}',
  ],
  ['options-error', 'variant{not-supported, immutable, other(option<string>)}'],
  ['stream-error', 'variant{last-operation-failed(own<wasi:io/error#error>), closed}'],
  [
    'network-error',
    `enum{${[
      ...['unknown', 'access-denied', 'not-supported', 'invalid-argument', 'out-of-memory'],
      ...['timeout', 'concurrency-conflict', 'not-in-progress', 'would-block', 'invalid-state'],
      ...['new-socket-limit', 'address-not-bindable', 'address-in-use', 'remote-unreachable'],
      ...['connection-refused', 'connection-reset', 'connection-aborted', 'datagram-too-large'],
      ...['name-unresolvable', 'temporary-resolver-failure', 'permanent-resolver-failure'],
    ].join(', ')}}`,
  ],
  [
    'network-error-3',
    `variant{${[
      ...['access-denied', 'not-supported', 'invalid-argument', 'out-of-memory', 'timeout'],
      ...['invalid-state', 'address-not-bindable', 'address-in-use', 'remote-unreachable'],
      ...['connection-refused', 'connection-broken', 'connection-reset', 'connection-aborted'],
      ...['datagram-too-large', 'other(option<string>)'],
    ].join(', ')}}`,
  ],
  [
    'lookup-error-3',
    'variant{access-denied, invalid-argument, name-unresolvable, temporary-resolver-failure, permanent-resolver-failure, other(option<string>)}',
  ],
  ['address-family', 'enum{ipv4, ipv6}'],
  ['ip-address', `variant{ipv4(${IPV4}), ipv6(${IPV6})}`],
  [
    'socket-address',
    `variant{ipv4(record{port: u16, address: ${IPV4}}), ipv6(record{port: u16, flow-info: u32, address: ${IPV6}, scope-id: u32})}`,
  ],
  ['keyvalue-error', 'variant{no-such-store, access-denied, other(string)}'],
  ['config-error', 'variant{upstream(string), io(string)}'],
  ['datetime', 'record{seconds: u64, nanoseconds: u32}'],
  [
    'method',
    'variant{get, head, post, put, delete, connect, options, trace, patch, other(string)}',
  ],
  ['scheme', 'variant{HTTP, HTTPS, other(string)}'],
  ['header-error', 'variant{invalid-syntax, forbidden, immutable}'],
  [
    'http-error',
    `variant{${[
      'DNS-timeout',
      'DNS-error(record{rcode: option<string>, info-code: option<u16>})',
      ...['destination-not-found', 'destination-unavailable', 'destination-IP-prohibited'],
      ...['destination-IP-unroutable', 'connection-refused', 'connection-terminated'],
      ...['connection-timeout', 'connection-read-timeout', 'connection-write-timeout'],
      ...['connection-limit-reached', 'TLS-protocol-error', 'TLS-certificate-error'],
      'TLS-alert-received(record{alert-id: option<u8>, alert-message: option<string>})',
      ...['HTTP-request-denied', 'HTTP-request-length-required'],
      ...['HTTP-request-body-size(option<u64>)', 'HTTP-request-method-invalid'],
      ...['HTTP-request-URI-invalid', 'HTTP-request-URI-too-long'],
      'HTTP-request-header-section-size(option<u32>)',
      `HTTP-request-header-size(option<${FIELD_SIZE}>)`,
      'HTTP-request-trailer-section-size(option<u32>)',
      `HTTP-request-trailer-size(${FIELD_SIZE})`,
      ...['HTTP-response-incomplete', 'HTTP-response-header-section-size(option<u32>)'],
      `HTTP-response-header-size(${FIELD_SIZE})`,
      'HTTP-response-body-size(option<u64>)',
      'HTTP-response-trailer-section-size(option<u32>)',
      `HTTP-response-trailer-size(${FIELD_SIZE})`,
      'HTTP-response-transfer-coding(option<string>)',
      'HTTP-response-content-coding(option<string>)',
      ...['HTTP-response-timeout', 'HTTP-upgrade-failed', 'HTTP-protocol-error'],
      ...['loop-detected', 'configuration-error', 'internal-error(option<string>)'],
    ].join(', ')}}`,
  ],
  ['file-error', `enum{access, would-block, ${FILE_ERRORS.join(', ')}}`],
  ['file-error-3', `variant{access, ${FILE_ERRORS.join(', ')}, other(option<string>)}`],
  [
    'descriptor-type',
    'enum{unknown, block-device, character-device, directory, fifo, symbolic-link, regular-file, socket}',
  ],
  [
    'descriptor-flags',
    'flags{read, write, file-integrity-sync, data-integrity-sync, requested-write-sync, mutate-directory}',
  ],
  [
    'descriptor-type-3',
    'variant{block-device, character-device, directory, fifo, symbolic-link, regular-file, socket, other(option<string>)}',
  ],
  ['path-flags', 'flags{symlink-follow}'],
  ['open-flags', 'flags{create, directory, exclusive, truncate}'],
  ['advice', 'enum{normal, sequential, random, will-need, dont-need, no-reuse}'],
  ['hash', 'record{lower: u64, upper: u64}'],
])

const COMPOSED: ReadonlyMap<string, string> = new Map([
  [
    'descriptor-stat',
    'record{type: $descriptor-type, link-count: u64, size: u64, data-access-timestamp: option<$datetime>, data-modification-timestamp: option<$datetime>, status-change-timestamp: option<$datetime>}',
  ],
  ['new-timestamp', 'variant{no-change, now, timestamp($datetime)}'],
  ['directory-entry', 'record{type: $descriptor-type, name: string}'],
  [
    'descriptor-stat-3',
    'record{type: $descriptor-type-3, link-count: u64, size: u64, data-access-timestamp: option<$instant>, data-modification-timestamp: option<$instant>, status-change-timestamp: option<$instant>}',
  ],
  ['new-timestamp-3', 'variant{no-change, now, timestamp($instant)}'],
  ['directory-entry-3', 'record{type: $descriptor-type-3, name: string}'],
  ['file-end', 'future<result<_, $file-error-3>>'],
  ['trailers', 'future<result<option<own<$fields-3>>, $http-error>>'],
  ['sent', 'future<result<_, $http-error>>'],
  ['socket-end', 'future<result<_, $network-error-3>>'],
  ['datagram', 'record{data: list<u8>, remote-address: $socket-address}'],
  ['sent-datagram', 'record{data: list<u8>, remote-address: option<$socket-address>}'],
  ['cas-error', 'variant{store-error($keyvalue-error), cas-failed(own<$cas>)}'],
])

/** Puts what is meant in the place of each `$name`. */
export function expandType(type: string): string {
  return type.replace(/\$([a-z]+(?:-[a-z]+)*(?:-3)?)/g, (_, name: string) => {
    const composed = COMPOSED.get(name)
    if (composed !== undefined) return expandType(composed)
    const found = NAMED.get(name)
    if (found === undefined)
      throw new Error(`Cannot expand a type: found $${name}, wanted one of WASI`)
    return found
  })
}
