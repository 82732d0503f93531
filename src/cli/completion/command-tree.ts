/** The commands as completion sees them: what can be typed where. Read from the program itself, so that it is never behind. */
import type { Argument, Command, Option } from 'commander'

/** What stands for a value: one of some words, a file, a folder, or anything. */
export type ValueKind =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'file' }
  | { readonly kind: 'folder' }
  | { readonly kind: 'any' }

export interface OptionNode {
  /** `--json`, and `-n` where there is a short one. */
  readonly flags: readonly string[]
  readonly description: string
  /** Undefined: it takes none. */
  readonly value: ValueKind | undefined
}

export interface CommandNode {
  /** Words after the program's name: empty for the program itself. */
  readonly path: readonly string[]
  readonly description: string
  readonly options: readonly OptionNode[]
  readonly commands: readonly CommandNode[]
  /** Of arguments, in order; the last one may be repeated. */
  readonly args: readonly ValueKind[]
}

export function commandTree(command: Command, path: readonly string[] = []): CommandNode {
  const help = command.createHelp()
  return {
    path,
    description: command.description(),
    options: help.visibleOptions(command).map(optionNode),
    commands: help
      .visibleCommands(command)
      .map((child) => commandTree(child, [...path, child.name()])),
    args: command.registeredArguments.map(argumentValue),
  }
}

/** The tree and all below it, the root first. */
export function flatten(node: CommandNode): readonly CommandNode[] {
  return [node, ...node.commands.flatMap(flatten)]
}

function optionNode(option: Option): OptionNode {
  const { short, long, description, required, optional } = option
  return {
    flags: [short, long].filter((flag) => flag !== undefined),
    description,
    value: required || optional ? valueKind(option.flags, option.argChoices) : undefined,
  }
}

function argumentValue(argument: Argument): ValueKind {
  return valueKind(argument.name(), argument.argChoices)
}

/** The placeholder tells: `<FILE>`, `<DIR>`, `modules`. */
function valueKind(placeholder: string, choices: readonly string[] | undefined): ValueKind {
  if (choices !== undefined) return { kind: 'words', words: choices }
  const name = /<([^>]*)>|\[([^\]]*)\]/.exec(placeholder)
  const word = (name?.[1] ?? name?.[2] ?? placeholder).toLowerCase()
  if (/\bdir\b/.test(word)) return { kind: 'folder' }
  return /file|path|module|source|target|host::/.test(word) ? { kind: 'file' } : { kind: 'any' }
}
