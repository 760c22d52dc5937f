/** An environment variable that is set and changes what NVIDIA's libraries compute, whatever a model asks for. */
export interface LibrarySetting {
  name: string
  value: string
  /** What it changes. */
  effect: string
}

const known: { name: string; harmless?: string; effect: string }[] = [
  {
    name: 'CUBLAS_EMULATE_SINGLE_PRECISION',
    harmless: '0',
    effect: 'cuBLAS may put float32 products together from bfloat16 ones (compute capability 10.0 and 10.3): other bits',
  },
  { name: 'CUBLAS_EMULATION_STRATEGY', effect: 'where cuBLAS emulates float32 products, once that is on' },
  {
    name: 'NVIDIA_TF32_OVERRIDE',
    effect: "cuBLAS and cuDNN: 0 makes precision 'tf32' float32, another value may make 'float32' tf32",
  },
]

/** Those of them that are set in this environment. NVIDIA's libraries read them when they are first used. */
export function librarySettings(environment: NodeJS.ProcessEnv = process.env): LibrarySetting[] {
  return known.flatMap(({ name, harmless, effect }) => {
    const value = environment[name]
    return value && value !== harmless ? [{ name, value, effect }] : []
  })
}
