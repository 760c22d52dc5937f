// A .npy file begins with \x93NUMPY, two bytes of version, the header's length (u16 in version 1.0, else u32) and a Python dict as text.
import { showShape, sizeOf } from '../tensor.js'
import { foreignType, type NpyType, npyType } from './npy-types.js'
import { LiteralError, type PythonLiteral, parseLiteral } from './python-literal.js'

export interface NpyHeader {
  type: NpyType
  bigEndian: boolean
  /** The first index runs fastest. */
  fortran: boolean
  shape: number[]
}

export type Fail = Record<'corrupt' | 'unsupported', (text: string, cause?: unknown) => Error>

const magic = Buffer.from('\x93NUMPY', 'latin1')
/** numpy reads no more than 10,000 bytes by itself; structured dtypes may be longer, and are to be refused by their name. */
const longest = 2 ** 20
/** numpy's own limit. */
const mostAxes = 64

/** What stands before the header's text: its length, and where it begins. */
export function parsePrefix(bytes: Buffer, { corrupt, unsupported }: Fail): { begin: number; length: number; utf8: boolean } {
  if (bytes.length < 10 || !bytes.subarray(0, 6).equals(magic)) throw corrupt('it does not begin as a .npy file does')
  const [major, minor] = [bytes[6]!, bytes[7]!]
  if (major < 1 || major > 3 || minor !== 0) {
    throw unsupported(`.npy version ${major}.${minor}: 1.0, 2.0 and 3.0 can be read`)
  }
  const begin = major === 1 ? 10 : 12
  if (bytes.length < begin) throw corrupt('it is cut off in its first 12 bytes')
  const length = major === 1 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8)
  if (length > longest) throw corrupt(`a header of ${length} bytes, ${longest} is the most`)
  return { begin, length, utf8: major === 3 }
}

export function parseNpyHeader(bytes: Buffer, utf8: boolean, fail: Fail): NpyHeader {
  const { corrupt } = fail
  let header: PythonLiteral
  try {
    header = parseLiteral(new TextDecoder(utf8 ? 'utf-8' : 'latin1', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw corrupt(`header: ${cause instanceof LiteralError ? cause.message : 'it is no UTF-8 text'}`, cause)
  }
  if (!(header instanceof Map) || [...header.keys()].sort().join() !== 'descr,fortran_order,shape') {
    throw corrupt('header: a dict of descr, fortran_order and shape is expected')
  }
  const fortran = header.get('fortran_order')
  if (typeof fortran !== 'boolean') throw corrupt('header: fortran_order must be True or False')
  const shape = header.get('shape')
  if (!Array.isArray(shape) || !shape.every((n): n is number => typeof n === 'number' && n >= 0)) {
    throw corrupt('header: shape must be a tuple of non-negative integers')
  }
  if (shape.length > mostAxes) throw corrupt(`header: a shape of ${shape.length} axes, ${mostAxes} is the most`)
  return { ...elementType(header.get('descr')!, fail), fortran, shape }
}

function elementType(descr: PythonLiteral, { corrupt, unsupported }: Fail): { type: NpyType; bigEndian: boolean } {
  const known = 'f2, f4, f8, i1 to i8, u1 to u8 and b1 can be read'
  if (Array.isArray(descr)) {
    const fields = descr.map((field) => (Array.isArray(field) ? String(field[0]) : '?')).join(', ')
    throw unsupported(`a structured dtype with the fields ${fields.slice(0, 200)}: save each field as an array of its own; ${known}`)
  }
  if (typeof descr !== 'string') throw corrupt('header: descr must be text')
  const found = npyType(descr)
  if (!found) throw unsupported(`${foreignType(descr)}; ${known}`)
  return found
}

/** Bytes of the data; refuses a header that says anything else than what the file has. */
export function checkSize({ shape, type }: NpyHeader, held: number, { corrupt }: Fail): void {
  const takes = shape.includes(0) ? 0 : sizeOf(shape) * type.size
  if (takes !== held) throw corrupt(`shape ${showShape(shape)} takes ${takes} bytes, ${held} follow the header`)
}

/** What numpy writes before a C-ordered array, byte for byte. */
export function npyPrefix(shape: readonly number[], descr: '<f4' | '<i4'): Buffer {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
  // numpy leaves room for the first axis to grow to 21 digits
  const room = shape.length > 0 ? 21 - String(shape[0]).length : 0
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }${' '.repeat(room)}`
  // to the next multiple of 64, a whole 64 where it is one already
  const length = (Math.floor((10 + text.length + 1) / 64) + 1) * 64 - 10
  const prefix = Buffer.alloc(10)
  magic.copy(prefix)
  prefix[6] = 1
  prefix.writeUInt16LE(length, 8)
  return Buffer.concat([prefix, Buffer.from(`${text.padEnd(length - 1)}\n`)])
}
