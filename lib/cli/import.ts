import { Command } from 'commander'
import { type ModelFormat, type ReaderOptions, readForeign } from '../interop/readers.js'
import { saveModel } from '../model-file.js'
import { summaryLines } from '../model-summary.js'
import { placeLayers } from '../spec/network.js'
import type { ActivationName } from '../spec/types.js'
import { collectMap, collectPairs, decimal, distinct, given, names } from './convert.js'

interface Flags {
  output: string
  from?: ModelFormat
  map?: Record<string, string | string[]>
  key?: string
  order?: string[]
  embedding?: string
  returnSequences?: boolean
  activation?: Record<string, string>
  epsilon?: number
  maskZero?: boolean
  graphOutput?: string
}

export function importCommand(): Command {
  return new Command('import')
    .description('make a grus model of a Keras, TensorFlow.js, ONNX or PyTorch file')
    .argument('<file>', '.keras, model.json, .onnx, .pt, .pth or .safetensors')
    .requiredOption('-o, --output <file>', 'the model that loadModel reads, such as model.safetensors')
    .option('--from <format>', 'keras, tfjs, onnx or pytorch (default: by the content)')
    .option('--map <module=layer>', "PyTorch: which module's tensors go to which layer; several times", collectMap)
    .option('--key <key>', 'PyTorch: which dictionary of a checkpoint')
    .option('--order <modules>', 'PyTorch: the modules in the order they compute in, with commas between them', names)
    .option('--embedding <module>', 'PyTorch: the module that is the embedding')
    .option('--activation <module=name>', 'PyTorch: what follows an nn.Linear; several times', collectPairs)
    .option('--epsilon <number>', 'PyTorch: of every nn.LayerNorm (default: 1e-5)', decimal)
    .option('--mask-zero', 'PyTorch: id 0 is padding')
    .option('--return-sequences', 'PyTorch: the last GRU gives every step, not the last one alone')
    .option('--graph-output <name>', 'ONNX: which output of the graph, where it has several')
    .action(async (file: string, flags: Flags) => {
      await distinct('grus import', file, flags.output)
      const data = await readForeign('grus import', file, readerOptions(flags))
      for (const note of data.notes) console.error(note)
      await saveModel(flags.output, { name: data.name, layers: data.layers, seed: 0 }, data, data.weights)
      const placed = placeLayers('grus import', data.layers, data.inputSize, data.sequence)
      console.log(summaryLines(data.name, data.layers, placed).join('\n'))
      console.log(`written to ${flags.output}`)
    })
}

function readerOptions({ from, output: _, graphOutput, activation, ...others }: Flags): ReaderOptions {
  const pytorch = given({ ...others, activations: activation as Record<string, ActivationName> | undefined })
  return given({
    format: from,
    pytorch: Object.keys(pytorch).length > 0 ? pytorch : undefined,
    onnx: graphOutput ? { output: graphOutput } : undefined,
  })
}
