import type { ByteSource } from './byte-source.js'
import type { Reading, Rows } from './types.js'
export async function* readArrow(_s: ByteSource, _r: Reading): AsyncGenerator<Rows, void, undefined> {}
