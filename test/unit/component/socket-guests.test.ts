/** A component that connects by wasi:sockets 0.2: what its own code is answered, with handles of its own and with forged ones. */
import assert from 'node:assert/strict'
import { test } from 'vitest'
import { beginOutbound } from '../../support/component-outbound.ts'
import { answer, makeComponent, trapOf } from '../../support/component-run.ts'
import { componentWat, wants } from '../../support/component-wat.ts'

const CODES = `"unknown" "access-denied" "not-supported" "invalid-argument" "out-of-memory" "timeout"
  "concurrency-conflict" "not-in-progress" "would-block" "invalid-state" "new-socket-limit" "address-not-bindable"
  "address-in-use" "remote-unreachable" "connection-refused" "connection-reset" "connection-aborted"
  "datagram-too-large" "name-unresolvable" "temporary-resolver-failure" "permanent-resolver-failure"`
const ACCESS_DENIED = 1

/** `run`: its code, with `$network` and `$socket`. `connect` of a port on 127.0.0.1 leaves its answer at 64: two bytes. */
const connecting = (run: string): string => `(component
  (import "wasi:sockets/network@0.2.0" (instance $net
    (export "network" (type (sub resource)))
    (type $code' (enum ${CODES})) (export "error-code" (type (eq $code')))
    (type $family' (enum "ipv4" "ipv6")) (export "ip-address-family" (type (eq $family')))
    (type $four (tuple u8 u8 u8 u8)) (type $six (tuple u16 u16 u16 u16 u16 u16 u16 u16))
    (type $v4 (record (field "port" u16) (field "address" $four)))
    (type $v6 (record (field "port" u16) (field "flow-info" u32) (field "address" $six) (field "scope-id" u32)))
    (type $address' (variant (case "ipv4" $v4) (case "ipv6" $v6))) (export "ip-socket-address" (type (eq $address')))))
  (alias export $net "network" (type $network))
  (alias export $net "error-code" (type $code))
  (alias export $net "ip-address-family" (type $family))
  (alias export $net "ip-socket-address" (type $address))
  (import "wasi:sockets/instance-network@0.2.0" (instance $own
    (alias outer 1 $network (type $n)) (export "network" (type $n' (eq $n)))
    (export "instance-network" (func (result (own $n'))))))
  (import "wasi:sockets/tcp@0.2.0" (instance $tcp
    (alias outer 1 $network (type $n)) (alias outer 1 $code (type $c)) (alias outer 1 $address (type $a))
    (export "network" (type $n' (eq $n))) (export "error-code" (type $c' (eq $c))) (export "ip-socket-address" (type $a' (eq $a)))
    (export "tcp-socket" (type $s (sub resource)))
    (export "[method]tcp-socket.start-connect" (func (param "self" (borrow $s)) (param "network" (borrow $n'))
      (param "remote-address" $a') (result (result (error $c')))))))
  (alias export $tcp "tcp-socket" (type $tcp-socket))
  (import "wasi:sockets/tcp-create-socket@0.2.0" (instance $create
    (alias outer 1 $code (type $c)) (alias outer 1 $family (type $f)) (alias outer 1 $tcp-socket (type $s))
    (export "error-code" (type $c' (eq $c))) (export "ip-address-family" (type $f' (eq $f)))
    (export "tcp-socket" (type $s' (eq $s)))
    (export "create-tcp-socket" (func (param "address-family" $f') (result (result (own $s') (error $c')))))))
  (core module $memory (memory (export "memory") 1))
  (core instance $m (instantiate $memory))
  (alias core export $m "memory" (core memory $mem))
  (core func $network (canon lower (func $own "instance-network")))
  (core func $create (canon lower (func $create "create-tcp-socket") (memory $mem)))
  (core func $connect (canon lower (func $tcp "[method]tcp-socket.start-connect") (memory $mem)))
  (core func $drop (canon resource.drop $tcp-socket))
  (core module $module
    (import "m" "memory" (memory 1))
    (import "w" "network" (func $network (result i32)))
    (import "w" "create" (func $create (param i32 i32)))
    (import "w" "connect" (func $start (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "w" "drop" (func $drop (param i32)))
    (func $connect (param $socket i32) (param $network i32) (param $case i32) (param $port i32)
      (call $start (local.get $socket) (local.get $network) (local.get $case) (local.get $port)
        (i32.const 127) (i32.const 0) (i32.const 0) (i32.const 1)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 64)))
    (func (export "run") (result i32) (local $network i32) (local $socket i32)
      (local.set $network (call $network))
      (call $create (i32.const 0) (i32.const 32))
      ${wants('(i32.eqz (i32.load8_u (i32.const 32)))')}
      (local.set $socket (i32.load (i32.const 36)))
      ${run}
      (i32.const 0)))
  (core instance $core (instantiate $module (with "m" (instance $m)) (with "w" (instance
    (export "network" (func $network)) (export "create" (func $create)) (export "connect" (func $connect)) (export "drop" (func $drop))))))
  (func $run (result (result)) (canon lift (core func $core "run")))
  (instance $run (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $run)))`

const connect = (port: number, socket = '(local.get $socket)', kind = 0) =>
  `(call $connect ${socket} (local.get $network) (i32.const ${kind}) (i32.const ${port}))`
const OK = wants('(i32.eqz (i32.load8_u (i32.const 64)))')
const DENIED = `${wants('(i32.eq (i32.load8_u (i32.const 64)) (i32.const 1))')}
   ${wants(`(i32.eq (i32.load8_u (i32.const 65)) (i32.const ${ACCESS_DENIED}))`)}`

test('connects where it may, in each request, put back and not', async () => {
  const run = await beginOutbound((socket) => socket.end(), { methods: [] })
  const { preopens } = run.granted
  const source = connecting(
    `${connect(run.port)} ${OK} (call $drop (local.get $socket))
     (call $create (i32.const 0) (i32.const 32)) (local.set $socket (i32.load (i32.const 36)))
     ${connect(run.port === 1 ? 2 : 1)} ${DENIED}`,
  )
  const instance = await makeComponent(await componentWat(source))
  for (const isPutBack of [true, false, true]) {
    assert.equal(trapOf(await answer(instance, '/', { preopens })), 'exited')
    if (isPutBack) assert.equal(instance.reset(), true)
  }
})

test('without an entry nothing is connected to', async () => {
  const instance = await makeComponent(await componentWat(connecting(`${connect(80)} ${DENIED}`)))
  assert.equal(trapOf(await answer(instance, '/')), 'exited')
})

test.each([
  ['a handle of another resource', connect(80, '(local.get $network)'), /is of another resource/],
  ['a handle that is not there', connect(80, '(i32.const 99)'), /there is no handle 99/],
  [
    'one that it has given up',
    `(call $drop (local.get $socket)) ${connect(80)}`,
    /there is no handle/,
  ],
  ['an address of no family', connect(80, '(local.get $socket)', 9), /no case 9/],
  ['a socket of no family', '(call $create (i32.const 7) (i32.const 32))', /no case 7/],
  [
    'sockets without end',
    '(loop (call $create (i32.const 0) (i32.const 32)) (br 0))',
    /more than 16384 handles/,
  ],
])('traps: %s', async (_, run, message) => {
  const instance = await makeComponent(await componentWat(connecting(run)))
  assert.match(trapOf(await answer(instance, '/')), message)
})
