import { readFileSync, writeFileSync } from 'node:fs'

/** Puts text between the markers of a page: `<!-- name -->` and `<!-- end of name -->`. */
export function fill(page, name, text) {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`]
  const old = readFileSync(page, 'utf8')
  const [from, to] = [old.indexOf(begin), old.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`[docs] expected '${begin}' and '${end}' in ${page}`)
  writeFileSync(page, `${old.slice(0, from) + begin}\n${text}\n${old.slice(to)}`)
}
