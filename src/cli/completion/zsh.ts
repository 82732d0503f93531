/** Completion for zsh: a function for each command, made of `_arguments`. */
import { type CommandNode, flatten, type OptionNode, type ValueKind } from './command-tree.ts'

export function zshScript(root: CommandNode): string {
  const functions = flatten(root).map(functionOf).join('\n')
  return `#compdef wasm-fpm
# zsh completion for wasm-fpm. Put it into a folder of $fpath as _wasm-fpm, or: source <(wasm-fpm completion zsh)
${functions}
# A function of $fpath is called at the first completion, a sourced file is not.
if [[ $funcstack[1] == _wasm-fpm ]]; then ${nameOf(root)} "$@"; else compdef ${nameOf(root)} wasm-fpm; fi
`
}

function functionOf(node: CommandNode): string {
  const { options, commands, args } = node
  const specs = options.map(optionSpec)
  if (commands.length === 0) {
    const places = args.map((value, index) =>
      quote(`${index === args.length - 1 ? '*' : index + 1}: :${action(value)}`),
    )
    return `${nameOf(node)}() {\n  _arguments -s ${[...specs, ...places].join(' ')}\n}`
  }
  const names = commands.map(({ path, description }) =>
    quote(`${path.at(-1)}:${description.replaceAll(':', '\\:')}`),
  )
  const cases = commands.map((child) => `    ${child.path.at(-1)}) ${nameOf(child)} ;;`)
  return `${nameOf(node)}() {
  local line state
  _arguments -C -s ${specs.join(' ')} '1: :->command' '*::argument:->rest'
  case $state in
  command) local -a names=(${names.join(' ')}); _describe command names ;;
  rest)
    case $line[1] in
${cases.join('\n')}
    esac ;;
  esac
}`
}

function optionSpec({ flags, description, value }: OptionNode): string {
  const text = description.replace(/[[\]\\:]/g, '\\$&')
  const taken = value === undefined ? '' : `:value:${action(value)}`
  const [only = '', ...others] = flags
  if (others.length === 0) return quote(`*${only}[${text}]${taken}`)
  return `'*'{${flags.join(',')}}${quote(`[${text}]${taken}`)}`
}

function action(value: ValueKind): string {
  switch (value.kind) {
    case 'words':
      return `(${value.words.join(' ')})`
    case 'file':
      return '_files'
    case 'folder':
      return '_files -/'
    case 'any':
      return ' '
  }
}

function nameOf({ path }: CommandNode): string {
  return ['_wasm_fpm', ...path].join('_').replaceAll('-', '_')
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
