/**
 * Whether a peer that has ended its bytes still reads ours. A unix socket tells: whoever has closed it altogether has hung up. Over
 * TCP a close and a half-close look alike until something is sent, so there a peer is taken to read on until a reset says otherwise.
 */
import type { Socket } from 'node:net'
import { loadLibc } from '../../base/libc.ts'
import { descriptorOf } from './socket-descriptor.ts'

export function isPeerGone(socket: Socket): boolean {
  const fd = descriptorOf(socket)
  return fd >= 0 && (loadLibc()?.hasHungUp(fd) ?? false)
}
