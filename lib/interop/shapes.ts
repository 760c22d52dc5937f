// What lies in files of arrays without layers.

/** Names and shapes; a PyTorch state dict is such a file too where no model follows from it. */
export async function readShapes(
  where: string,
  path: string,
  format: 'pytorch' | 'hdf5' | 'npy' | 'npz',
  key?: string,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const arrays = await read(where, path, format, key)
  return new Map([...arrays].map(([name, { shape }]) => [name, shape]))
}

async function read(
  where: string,
  path: string,
  format: string,
  key: string | undefined,
): Promise<ReadonlyMap<string, { shape: readonly number[] }>> {
  if (format === 'npy') return new Map([['array', await (await import('../files/npy.js')).readNpy(path)]])
  if (format === 'npz') return (await import('../files/npz.js')).readNpz(path)
  if (format === 'hdf5') return (await import('./keras/weights.js')).readKerasWeights(where, path)
  const { tensors, unreadable } = await (await import('./pytorch/read-state-dict.js')).readStateDict(
    where,
    path,
    key === undefined ? {} : { key },
  )
  return new Map<string, { shape: readonly number[] }>([...tensors, ...unreadable])
}
