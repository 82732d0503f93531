/** Memory that a process shares with those it starts: an anonymous file, which they inherit as a descriptor. */
import { type Libc, loadLibc, MAP_FAILED, MAP_SHARED, PROT_READ, PROT_WRITE } from './libc.ts'

/** Only whom it is given gets it. */
const MFD_CLOEXEC = 1

/** The descriptor of a new one, all zero; undefined: it cannot be had. */
export function createSharedMemory(name: string, bytes: number): number | undefined {
  const libc = loadLibc()
  if (libc === undefined) return undefined
  const fd = libc.memfdCreate(Buffer.from(`${name}\0`), MFD_CLOEXEC)
  if (fd < 0) return undefined
  if (libc.ftruncate(fd, bytes) === 0) return fd
  libc.close(fd)
  return undefined
}

/** Maps the first `bytes` of it, which stay mapped; undefined: `fd` is none. */
export function mapSharedMemory(fd: number, bytes: number): ArrayBuffer | undefined {
  const libc = loadLibc()
  if (libc === undefined || !isSharedMemory(libc, fd, bytes)) return undefined
  const address = libc.mmap(0n, bytes, {
    protection: PROT_READ | PROT_WRITE,
    flags: MAP_SHARED,
    fd,
  })
  return address === MAP_FAILED ? undefined : libc.view(address, bytes)
}

/** Whether it is as long: memory behind the end of a file kills who touches it. */
function isSharedMemory(libc: Libc, fd: number, bytes: number): boolean {
  return libc.pread(fd, new BigUint64Array(1), BigInt(bytes - 8)) === 8
}
