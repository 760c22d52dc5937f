import { Command, Option } from 'commander'
import { GrusError } from '../errors.js'
import { detectFormat } from '../interop/detect.js'
import { type ExportFormat, writeForeign } from '../interop/writers.js'
import { readModelFile } from '../model-file.js'
import { distinct, given, wholeNumber } from './convert.js'

interface Flags {
  to: ExportFormat
  output?: string
  lengths?: boolean
  opset?: number
  externalData?: boolean
  module?: string
  batchSize?: number
}

const where = 'grus export'
const extension = { onnx: '.onnx', pytorch: '.pt', keras: '.keras' } as const

export function exportCommand(): Command {
  return new Command('export')
    .description('write a grus model for another framework')
    .argument('<file>', 'what model.save or grus import wrote')
    .addOption(new Option('--to <format>', 'the framework').choices(Object.keys(extension)).makeOptionMandatory())
    .option('-o, --output <file>', '.onnx; .pt, .pth, .safetensors; .keras, .weights.h5 (default: the model with .onnx, .pt or .keras)')
    .option('--lengths', 'ONNX: the steps of each row that count are an input of the graph')
    .option('--opset <n>', 'ONNX: the opset to write', wholeNumber)
    .option('--external-data', 'ONNX: weights in a file of their own, as those beyond 2 GB always are')
    .option('--batch-size <n>', 'Keras: rows of a batch, which a stateful model must say', wholeNumber)
    .option('--module <file>', 'PyTorch: also write Python source of the nn.Module that the tensors belong to')
    .action(async (file: string, { to, output, module, batchSize, ...onnx }: Flags) => {
      const target = output ?? file.replace(/(\.safetensors)?$/, extension[to])
      await distinct(where, file, target, ...(module === undefined ? [] : [module]))
      await checkOurs(file)
      const model = await readModelFile(where, file)
      const options = given({ lengths: onnx.lengths, opset: onnx.opset, externalData: onnx.externalData })
      const groups = {
        keras: batchSize === undefined ? undefined : { batchSize },
        onnx: Object.keys(options).length > 0 ? options : undefined,
      }
      await writeForeign(where, model, target, given({ format: to, ...groups }))
      console.log(`written to ${target}`)
      if (module !== undefined) {
        const { writePytorchModule } = await import('../interop/pytorch/pytorch-module.js')
        await writePytorchModule(where, model, module)
        console.log(`written to ${module}`)
      }
      const left = (['tokenizer', 'normalizer', 'labels'] as const).filter((field) => model[field] !== undefined)
      if (left.length > 0) console.error(`${left.join(', ')}: not part of this format, still in ${file}`)
    })
}

async function checkOurs(file: string): Promise<void> {
  const { format } = await detectFormat(where, file)
  if (format === 'grus') return
  throw new GrusError(
    'INVALID_ARGUMENT',
    `[${where}] ${file} must be a model of grus, got one of format '${format}': grus import makes one of it`,
  )
}
