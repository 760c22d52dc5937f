import { Command } from 'commander'
import { type ModelFormat, type ReaderOptions, readForeign } from '../interop/readers.js'
import { saveModel } from '../model-file.js'
import { summaryLines } from '../model-summary.js'
import { placeLayers } from '../spec/network.js'
import { collectMap, given } from './convert.js'

interface Flags {
  output: string
  from?: ModelFormat
  map?: Record<string, string | string[]>
  returnSequences?: boolean
  graphOutput?: string
}

export function importCommand(): Command {
  return new Command('import')
    .description('make a grus model of a Keras, TensorFlow.js, ONNX or PyTorch file')
    .argument('<file>', '.keras, model.json, .onnx, .pt, .pth or .safetensors')
    .requiredOption('-o, --output <file>', 'the model that loadModel reads, such as model.safetensors')
    .option('--from <format>', 'keras, tfjs, onnx or pytorch (default: by the content)')
    .option('--map <module=layer>', "PyTorch: which module's tensors go to which layer; several times", collectMap)
    .option('--return-sequences', 'PyTorch: the last GRU gives every step, not the last one alone')
    .option('--graph-output <name>', 'ONNX: which output of the graph, where it has several')
    .action(async (file: string, flags: Flags) => {
      const data = await readForeign('grus import', file, readerOptions(flags))
      for (const note of data.notes) console.error(note)
      await saveModel(flags.output, { name: data.name, layers: data.layers, seed: 0 }, data, data.weights)
      const placed = placeLayers('grus import', data.layers, data.inputSize, data.sequence)
      console.log(summaryLines(data.name, data.layers, placed).join('\n'))
      console.log(`written to ${flags.output}`)
    })
}

function readerOptions({ from, map, returnSequences, graphOutput }: Flags): ReaderOptions {
  return given({
    format: from,
    pytorch: map || returnSequences ? given({ map, returnSequences }) : undefined,
    onnx: graphOutput ? { output: graphOutput } : undefined,
  })
}
