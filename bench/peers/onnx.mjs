// An ONNX model of one GRU node as bytes: a protobuf writer of just what it takes. Numbers of fields: onnx.proto.

const varint = (value) => {
  const bytes = []
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  bytes.push(Math.floor(value / 128 ** bytes.length))
  return Buffer.from(bytes)
}
const number = (field, value) => Buffer.concat([varint(field * 8), varint(value)])
const bytes = (field, content) => Buffer.concat([varint(field * 8 + 2), varint(content.length), content])
const text = (field, content) => bytes(field, Buffer.from(content))
const message = (field, ...parts) => bytes(field, Buffer.concat(parts))

const float = 1 // TensorProto.DataType
const integer = 2 // AttributeProto.AttributeType

const attribute = (name, value) => message(5, text(1, name), number(3, value), number(20, integer))
const value = (field, name, dims) =>
  message(field, text(1, name), message(2, message(1, number(1, float), message(2, ...dims.map((size) => message(1, number(1, size)))))))
const initializer = (name, dims, data) =>
  message(5, ...dims.map((size) => number(1, size)), number(2, float), text(8, name), bytes(9, Buffer.from(data.buffer)))

/** Gates r, z, n of [3H, columns] -> z, r, n, which ONNX calls z, r, h. */
function reordered(data, hidden) {
  const gate = (data.length / (3 * hidden)) * hidden
  const out = new Float32Array(data.length)
  out.set(data.subarray(gate, 2 * gate))
  out.set(data.subarray(0, gate), gate)
  out.set(data.subarray(2 * gate), 2 * gate)
  return out
}

/** weights: { weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0 } of Float32Array. Inputs: X; outputs: Y, Y_h. */
export function gruModel({ steps, batch, input, hidden }, weights) {
  const bias = new Float32Array(6 * hidden)
  bias.set(reordered(weights.bias_ih_l0, hidden))
  bias.set(reordered(weights.bias_hh_l0, hidden), 3 * hidden)
  const node = message(
    1,
    ...['X', 'W', 'R', 'B'].map((name) => text(1, name)),
    ...['Y', 'Y_h'].map((name) => text(2, name)),
    text(4, 'GRU'),
    attribute('hidden_size', hidden),
    attribute('linear_before_reset', 1),
  )
  const graph = message(
    7,
    node,
    text(2, 'gru'),
    initializer('W', [1, 3 * hidden, input], reordered(weights.weight_ih_l0, hidden)),
    initializer('R', [1, 3 * hidden, hidden], reordered(weights.weight_hh_l0, hidden)),
    initializer('B', [1, 6 * hidden], bias),
    value(11, 'X', [steps, batch, input]),
    value(12, 'Y', [steps, 1, batch, hidden]),
    value(12, 'Y_h', [1, batch, hidden]),
  )
  return Buffer.concat([number(1, 7), graph, message(8, text(1, ''), number(2, 14))])
}
