// What the report of `grus doctor` says about a run before it begins: a line with what is wrong and what to do, or nothing.

/** Whether code for these architectures, as CMake writes them ("75;80-virtual;90-real"), runs on a GPU of a capability like "9.0". */
export function runsOn(architectures, capability) {
  const [major, minor] = capability.split('.').map(Number)
  return architectures.split(';').some((each) => {
    const [, built, exact, kind] = /^(\d+)([af]?)(?:-(real|virtual))?$/.exec(each) ?? []
    if (!built) return true // all, native: only the compiler knows
    const [builtMajor, builtMinor] = [Math.floor(built / 10), built % 10]
    if (exact === 'a') return builtMajor === major && builtMinor === minor
    if (builtMajor === major && minor >= builtMinor) return true
    return kind !== 'real' && !exact && builtMajor < major // its intermediate code is compiled by the driver
  })
}

export const isOutOfMemory = (text) => /out of memory|OUT_OF_MEMORY/.test(text)
export const noMemory = 'the GPU has no memory left for the shortest program: nvidia-smi lists the processes that hold it, end them'

/**
 * @param {{ available: boolean, detail: string, advice?: string[], components?: { name: string, version?: string, ok: boolean }[] }} cuda
 * @param {{ architectures?: string } | undefined} build what build:gpu noted
 */
export function reasonToStop(cuda, build) {
  if (!cuda.available) {
    const { detail } = cuda
    if (isOutOfMemory(detail)) return noMemory
    const advice = cuda.advice?.find((line) => !line.startsWith('or '))
    return `device 'cuda' is not available: ${detail}${advice ? `: ${advice}` : ''}`
  }
  const gpu = cuda.components?.find(({ name, ok }) => ok && name.startsWith('GPU'))
  const [, capability] = /capability (\d+\.\d+)/.exec(gpu?.version ?? '') ?? []
  if (!build?.architectures || !capability || runsOn(build.architectures, capability)) return undefined
  return (
    `the programs are built for ${build.architectures}, this GPU has compute capability ${capability}: ` +
    `npm run build:gpu -- --architectures ${capability.replace('.', '')}-real`
  )
}
