// CSV as RFC 4180 has it, by csv-parse: cells are text here.
import { pipeline, Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { CsvError, type Options, parse } from 'csv-parse'
import { check, GrusError } from '../../errors.js'
import type { ByteSource } from './byte-source.js'
import { noColumn } from './no-column.js'
import { type RowOf, rowMaker } from './row-maker.js'
import { decoded, longest } from './text.js'
import type { DataRow, Reading, Rows } from './types.js'

export interface CsvOptions {
  delimiter: string
  quote: string | false
  header: true | readonly string[]
}

/** Rows of one yield. */
const atOnce = 256

/**
 * Line breaks are \r\n, \n and \r. Empty lines are skipped; in a file of one column they are empty cells.
 *
 * @throws GrusError CORRUPT_FILE naming the line: broken quotes, other than as many cells as names, names that come twice; INVALID_ARGUMENT for a column
 *   that is not there
 */
export async function* readCsv(source: ByteSource, reading: Reading, options: CsvOptions): AsyncGenerator<Rows, void, undefined> {
  const { where, path } = reading
  const corrupt = (text: string, cause?: unknown) => new GrusError('CORRUPT_FILE', `[${where}] ${path}${text}`, { cause })
  // errors arrive through the loop, which ends both streams
  const records = pipeline(Readable.from(decoded(source, reading)), parse(settings(options)), () => {})
  let next = 1
  let columns = options.header === true ? undefined : pick(options.header, reading)
  let rows: DataRow[] = []
  let lines: number[] = []
  try {
    for await (const cells of records as AsyncIterable<string[]>) {
      const line = next
      next += linesOf(cells)
      if (!columns) {
        const twice = cells.find((name, i) => cells.indexOf(name) !== i)
        if (twice !== undefined) throw corrupt(`, line ${line}: the header has the name '${twice}' twice`)
        columns = pick(cells, reading)
        continue
      }
      if (cells.length !== columns.width) {
        if (cells.length === 1 && cells[0] === '') continue
        throw corrupt(`, line ${line}: expected ${columns.width} cells, as there are names, got ${cells.length}`)
      }
      rows.push(columns.rowOf((at) => cells[at]!))
      lines.push(line)
      if (rows.length === atOnce) {
        const done = lines
        yield { rows, place: (i) => `line ${done[i]}` }
        rows = []
        lines = []
      }
    }
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause
    throw corrupt(`, line ${await lineOfError(source, reading, options)}: ${explain(cause)}`, cause)
  }
  if (!columns) throw corrupt(': expected a line with the names of the columns, the file is empty')
  yield { rows, place: (i) => `line ${lines[i]}` }
}

function settings({ delimiter, quote }: CsvOptions): Options {
  return {
    delimiter,
    quote,
    escape: quote === false ? null : quote,
    record_delimiter: ['\r\n', '\n', '\r'],
    // the reader looks at their number itself, as it tells empty lines apart
    relax_column_count: true,
    max_record_size: longest,
  }
}

/** One, and the line breaks within quoted cells. */
function linesOf(cells: readonly string[]): number {
  let count = 1
  for (const cell of cells) {
    if (cell.includes('\n') || cell.includes('\r')) count += cell.split(/\r\n|\n|\r/).length - 1
  }
  return count
}

/**
 * Where the row begins that csv-parse refuses. It forgets rows that nobody took when it does, and counts a \r\n within quotes as two lines: the file is
 * read again, with a count that costs too much for good ones.
 */
async function lineOfError(source: ByteSource, reading: Reading, options: CsvOptions): Promise<number> {
  let line = 1
  const count = (cells: string[]): null => {
    line += linesOf(cells)
    return null
  }
  const parser = parse({ ...settings(options), on_record: count })
  await finished(pipeline(Readable.from(decoded(source, reading)), parser, () => {}).resume()).catch(() => undefined)
  return line
}

/** The width of a row, and the wanted of its cells. */
function pick(header: readonly string[], { where, path, names = header }: Reading): { width: number; rowOf: RowOf<string> } {
  const places = names.map((name) => {
    const at = header.indexOf(name)
    check(at >= 0, where, noColumn(path, name, header))
    return at
  })
  const make = rowMaker(names)
  return { width: header.length, rowOf: (cell) => make((i) => cell(places[i]!)) }
}

function explain({ code, message }: CsvError): string {
  switch (code) {
    case 'CSV_QUOTE_NOT_CLOSED':
      return 'the file ends within a quoted cell'
    case 'CSV_MAX_RECORD_SIZE':
      return `expected a row of at most ${longest} characters; a quote may be open since an earlier line`
    case 'INVALID_OPENING_QUOTE':
      return 'a quote within a cell that does not begin with one; quote the cell and double the quotes in it, or set quote: false'
    case 'CSV_INVALID_CLOSING_QUOTE':
      return 'expected a delimiter or the end of the line behind a closing quote; quotes within a cell must be doubled'
    default:
      return message
  }
}
