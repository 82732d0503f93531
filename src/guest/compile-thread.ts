/** The thread that makes modules: bytes in, a module or an error out. Entry point; see compile-threads.ts. */
import { parentPort } from 'node:worker_threads'
import { toWire } from '../base/errors.ts'
import { types } from './compile.ts'
import type { CompileAnswer, CompileQuestion } from './compile-threads.ts'
import { compileHere } from './compiler.ts'
import { warmHardener } from './warm-hardener.ts'

parentPort?.on('message', (question: CompileQuestion) => void answer(question))

async function answer(question: CompileQuestion): Promise<void> {
  if (question === 'warm up') {
    warmHardener()
    return
  }
  parentPort?.postMessage(await made(question))
}

async function made({ bytes, plan }: Exclude<CompileQuestion, string>): Promise<CompileAnswer> {
  const before = types.added
  try {
    const module = await compileHere(bytes, plan)
    return { module, newTypes: types.added - before }
  } catch (error) {
    return { error: toWire(error), newTypes: types.added - before }
  }
}
