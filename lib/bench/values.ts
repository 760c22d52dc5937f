import { GrusError } from '../errors.js'
import { RandomStream } from '../random.js'

const mostDrawn = 1_048_573 // odd, so that the rows that repeat it differ

/**
 * Random values, the same in every run.
 *
 * @throws GrusError OUT_OF_MEMORY
 */
export function randomValues<Values extends Float32Array | Int32Array>(
  where: string,
  Type: new (count: number) => Values,
  count: number,
  draw: (stream: RandomStream) => number,
): Values {
  const values = room(where, Type, count)
  const stream = new RandomStream(1, 'values')
  const drawn = Math.min(count, mostDrawn)
  for (let i = 0; i < drawn; i++) values[i] = draw(stream)
  for (let at = drawn; at < count; at += drawn) values.set(values.subarray(0, Math.min(drawn, count - at)), at)
  return values
}

function room<Values>(where: string, Type: new (count: number) => Values, count: number): Values {
  try {
    return new Type(count)
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new GrusError('OUT_OF_MEMORY', `[${where}] there is no memory for ${count} values: ${cause.message}`, { cause })
  }
}
