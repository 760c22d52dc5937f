import { nearest } from '../../spec/parse.js'

/** The message for a column that a file does not have. */
export function noColumn(path: string, name: string, there: readonly string[]): string {
  const hint = nearest(name, there)
  const has = there.length > 12 ? `${there.slice(0, 12).join(', ')}, ...` : there.join(', ')
  return `${path}: there is no column '${name}'${hint ? ` (did you mean '${hint}'?)` : ''}; it has ${has || 'none'}`
}
