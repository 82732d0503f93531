/** haproxy in front of wasm-fpm. */
import { testPeer } from './cases.ts'

testPeer('haproxy')
