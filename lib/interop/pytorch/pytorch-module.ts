// A model as Python source.

import { GrusError } from '../../errors.js'
import { cannot, checkPath } from '../../files/paths.js'
import { replaceFile } from '../../files/replace-file.js'
import { type PlacedLayer, placeLayers } from '../../spec/network.js'
import type { GruSpec, MergeMode } from '../../spec/types.js'
import type { ModelData } from '../model-data.js'
import { unlikeTorch } from './convention.js'
import { number, pythonActivation } from './python-activation.js'
import { attribute, flip, hold, runGru } from './python-helpers.js'

/** Lines of `__init__` and of `forward`. */
interface Written {
  init: string[]
  forward: string[]
}

/**
 * Python source of a class `Model(nn.Module)` whose state dict is what `exportStateDict` writes, and whose `forward(x, lengths=None)` computes what the model
 * computes: x is ids [B, T], or float [B, T, I] or [B, I]; `lengths` the valid steps of each row.
 *
 * @throws GrusError UNSUPPORTED naming a layer that cannot be said in PyTorch, and the option
 */
export function pytorchModule(data: ModelData, where = 'pytorchModule'): string {
  const placed = placeLayers(where, data.layers, data.inputSize, data.sequence)
  const init: string[] = []
  const forward: string[] = []
  for (const layer of placed) {
    const written = writeLayer(where, layer)
    init.push(...written.init)
    forward.push(...written.forward)
  }
  const body = forward.join('\n')
  const [runs, holds, flips] = ['run(', 'hold(', 'flip('].map((call) => body.includes(call))
  const { input, output } = shapes(data, placed)
  const helpers = [runs ? runGru : '', holds ? hold : '', flips ? flip : ''].filter((text) => text !== '')
  return `# The model ${JSON.stringify(data.name)}, written by grus. To load its weights:
#   model = Model().eval()
#   model.load_state_dict(torch.load('weights.pt', weights_only=True))
#   or: model.load_state_dict(safetensors.torch.load_file('weights.safetensors'))
import torch
from torch import nn
${runs ? 'from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence\n' : ''}${helpers.map((helper) => `\n${helper}`).join('')}

class Model(nn.Module):
    """${input} -> ${output}"""

    def __init__(self):
        super().__init__()
${indent(init)}
    def forward(self, x${data.sequence ? ', lengths=None' : ''}):
${data.sequence ? `${indent(['mask = None if lengths is None else torch.arange(x.shape[1], device=x.device) < torch.as_tensor(lengths, device=x.device).unsqueeze(1)'])}` : ''}${indent(forward)}        return x
`
}

/** Writes that source. @throws GrusError as pytorchModule; INVALID_ARGUMENT if it cannot be written */
export async function writePytorchModule(where: string, data: ModelData, path: string): Promise<void> {
  checkPath(where, path)
  const source = Buffer.from(pytorchModule(data, where))
  await replaceFile(path, [source]).catch((cause: unknown) => {
    throw cannot(where, 'write', path, cause)
  })
}

function indent(lines: readonly string[]): string {
  return lines.map((line) => `        ${line}\n`).join('')
}

function shapes({ layers, inputSize, sequence }: ModelData, placed: readonly PlacedLayer[]): { input: string; output: string } {
  const last = placed.at(-1)!
  const output = last.sequence ? `[B, T, ${last.outputSize}]` : `[B, ${last.outputSize}]`
  if (layers[0]!.type === 'embedding') return { input: 'ids [B, T]', output }
  return { input: sequence ? `[B, T, ${inputSize}]` : `[B, ${inputSize}]`, output }
}

function writeLayer(where: string, { spec, inputSize, outputSize }: PlacedLayer): Written {
  const self = attribute(spec.name)
  const unsupported = (text: string) => new GrusError('UNSUPPORTED', `[${where}] layer '${spec.name}' has ${text}`)
  switch (spec.type) {
    case 'embedding':
      return {
        init: [`${self} = nn.Embedding(${inputSize}, ${outputSize})`],
        forward: [...(spec.maskZero ? [...narrow('x != 0')] : []), `x = ${self}(x)`],
      }
    case 'dense':
      return {
        init: [`${self} = nn.Linear(${inputSize}, ${outputSize}${spec.useBias ? '' : ', bias=False'})`],
        forward: [`x = ${self}(x)`, ...activate(where, spec.activation)],
      }
    case 'activation':
      return { init: [], forward: activate(where, spec.activation) }
    case 'dropout':
      return { init: [`${self} = nn.Dropout(${number(spec.rate)})`], forward: [`x = ${self}(x)`] }
    case 'layerNormalization': {
      if (spec.center && !spec.scale) throw unsupported('center without scale, nn.LayerNorm has both, scale alone or none: set scale: true')
      const options = spec.scale ? (spec.center ? '' : ', bias=False') : ', elementwise_affine=False'
      return { init: [`${self} = nn.LayerNorm(${outputSize}, eps=${number(spec.epsilon)}${options})`], forward: [`x = ${self}(x)`] }
    }
    case 'masking':
      return {
        init: [],
        forward: [`found = (x != ${number(spec.maskValue)}).any(2)`, 'x = x.masked_fill(~found.unsqueeze(2), 0)', ...narrow('found')],
      }
    default: {
      const [gru, mergeMode] = spec.type === 'bidirectional' ? [spec.layer, spec.mergeMode] : [spec, undefined]
      const unlike = unlikeTorch(spec)
      if (unlike !== undefined) throw new GrusError('UNSUPPORTED', `[${where}] ${unlike}`)
      if (gru.stateful) throw unsupported('stateful true, the module keeps no states: set stateful: false')
      const options = [inputSize, gru.units, ...(gru.useBias ? [] : ['bias=False']), 'batch_first=True']
      if (mergeMode) options.push('bidirectional=True')
      return {
        init: [`${self} = nn.GRU(${options.join(', ')})`],
        forward: [
          ...dropInputs(gru),
          ...(mergeMode ? bothWays(self, gru, mergeMode) : oneWay(self, gru)),
          ...(gru.returnSequences ? [] : ['mask = None']),
        ],
      }
    }
  }
}

/** Fewer steps count. */
function narrow(mask: string): string[] {
  return [`mask = ${mask} if mask is None else mask & (${mask})`]
}

function activate(where: string, activation: Parameters<typeof pythonActivation>[1]): string[] {
  const expression = pythonActivation(where, activation, 'x')
  return expression === 'x' ? [] : [`x = ${expression}`]
}

/** The same features of a row at all of its steps, as Keras drops them. */
function dropInputs({ dropout }: GruSpec): string[] {
  return dropout === 0 ? [] : [`x = x * nn.functional.dropout(torch.ones_like(x[:, :1]), ${number(dropout)}, self.training)`]
}

function oneWay(self: string, { goBackwards, alignOutput, returnSequences, zeroOutputForMask }: GruSpec): string[] {
  const turned = goBackwards ? ['x, mask = flip(x), flip(mask)'] : []
  if (!returnSequences) return [...turned, `x = run(${self}, x, mask)[1][0]`]
  const run = `run(${self}, x, mask)[0]`
  const sequence = `x = ${zeroOutputForMask ? run : `hold(${run}, mask)`}`
  return [...turned, sequence, ...(goBackwards && alignOutput ? ['x, mask = flip(x), flip(mask)'] : [])]
}

const merges: Record<MergeMode, string> = {
  concat: 'torch.cat([a, b], -1)',
  sum: 'a + b',
  mul: 'a * b',
  ave: '(a + b) / 2',
}

function bothWays(self: string, { returnSequences, zeroOutputForMask }: GruSpec, mergeMode: MergeMode): string[] {
  if (!returnSequences) return [`a, b = run(${self}, x, mask)[1]`, `x = ${merges[mergeMode]}`]
  const held = zeroOutputForMask ? [] : ['a, b = hold(a, mask), flip(hold(flip(b), flip(mask)))']
  return [`a, b = run(${self}, x, mask)[0].chunk(2, 2)`, ...held, `x = ${merges[mergeMode]}`]
}
