/** Where a guest's path leads. */
import type { DirectoryNode, Node } from './filesystem.ts'

/** Holds references until `release()`. */
export class Resolved {
  /** The directory the last component is in; for `.` and `..` what they mean. */
  readonly directory: DirectoryNode
  /** The last component, `.` and `..` among them: a directory can be asked about by these, not made, moved or removed. */
  readonly name: string
  /** What is there, if anything. */
  readonly node: Node | undefined
  /** The path ended in a slash. */
  readonly mustBeDirectory: boolean

  constructor(
    directory: DirectoryNode,
    name: string,
    node: Node | undefined,
    mustBeDirectory: boolean,
  ) {
    this.directory = directory
    this.name = name
    this.node = node
    this.mustBeDirectory = mustBeDirectory
  }

  get isDots(): boolean {
    return this.name === '.' || this.name === '..'
  }

  /** Whether a slash behind the name asks for a directory where there is something else. */
  get isMistakenForDirectory(): boolean {
    return this.mustBeDirectory && this.node !== undefined && this.node.kind !== 'directory'
  }

  release(): void {
    this.directory.release()
    if (this.node?.kind === 'directory' && this.node !== this.directory) this.node.release()
  }
}
