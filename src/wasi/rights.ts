/**
 * Rights of preview 1. The 30 that exist fit in an int32, so they are numbers here and become 64 bits only in guest memory.
 */

export const Right = {
  FdDatasync: 1 << 0,
  FdRead: 1 << 1,
  FdSeek: 1 << 2,
  FdFdstatSetFlags: 1 << 3,
  FdSync: 1 << 4,
  FdTell: 1 << 5,
  FdWrite: 1 << 6,
  FdAdvise: 1 << 7,
  FdAllocate: 1 << 8,
  PathCreateDirectory: 1 << 9,
  PathCreateFile: 1 << 10,
  PathLinkSource: 1 << 11,
  PathLinkTarget: 1 << 12,
  PathOpen: 1 << 13,
  FdReaddir: 1 << 14,
  PathReadlink: 1 << 15,
  PathRenameSource: 1 << 16,
  PathRenameTarget: 1 << 17,
  PathFilestatGet: 1 << 18,
  PathFilestatSetSize: 1 << 19,
  PathFilestatSetTimes: 1 << 20,
  FdFilestatGet: 1 << 21,
  FdFilestatSetSize: 1 << 22,
  FdFilestatSetTimes: 1 << 23,
  PathSymlink: 1 << 24,
  PathRemoveDirectory: 1 << 25,
  PathUnlinkFile: 1 << 26,
  PollFdReadwrite: 1 << 27,
} as const

/** All rights a virtual file can give; the two socket rights (bits 28 and 29) apply to nothing here. */
export const ALL_RIGHTS = (1 << 28) - 1

const PATH_RIGHTS =
  Right.PathCreateDirectory |
  Right.PathCreateFile |
  Right.PathLinkSource |
  Right.PathLinkTarget |
  Right.PathOpen |
  Right.PathReadlink |
  Right.PathRenameSource |
  Right.PathRenameTarget |
  Right.PathFilestatGet |
  Right.PathFilestatSetSize |
  Right.PathFilestatSetTimes |
  Right.PathSymlink |
  Right.PathRemoveDirectory |
  Right.PathUnlinkFile

/** What applies to a directory. */
export const DIRECTORY_RIGHTS =
  PATH_RIGHTS |
  Right.FdFdstatSetFlags |
  Right.FdSync |
  Right.FdDatasync |
  Right.FdAdvise |
  Right.FdReaddir |
  Right.FdFilestatGet |
  Right.FdFilestatSetTimes |
  Right.PollFdReadwrite

/** What applies to a regular file or device; the `path_*` rights are kept because guests compare what they asked for. */
export const FILE_RIGHTS = ALL_RIGHTS & ~Right.FdReaddir

/** What applies to a stream that cannot seek. */
export const TERMINAL_RIGHTS =
  Right.FdRead |
  Right.FdWrite |
  Right.FdFdstatSetFlags |
  Right.FdFilestatGet |
  Right.FdSync |
  Right.FdDatasync |
  Right.PollFdReadwrite

/**
 * A stream that is not a terminal also carries the seek rights, as /dev/null would: C libraries take a character
 * device without them for a terminal, and then flush after every line.
 */
export const STREAM_RIGHTS = TERMINAL_RIGHTS | Right.FdSeek | Right.FdTell

/**
 * Rights that mean nothing for what is not opened for writing. FD_WRITE alone says that it is: Go asks for the third for every
 * file that it reads.
 */
export const WRITING_RIGHTS = Right.FdWrite | Right.FdAllocate | Right.FdFilestatSetSize

/** The known rights among 64 bits from a guest. */
export function knownRights(rights: bigint): number {
  return Number(rights & BigInt(ALL_RIGHTS))
}
