/** h2o in front of wasm-fpm. */
import { testPeer } from './cases.ts'

testPeer('h2o')
