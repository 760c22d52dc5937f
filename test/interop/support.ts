import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect } from 'vitest'
import { type ImportedModel, type ModelData, modelData } from '../../lib/interop/model-data.js'
import { exportStateDict } from '../../lib/interop/pytorch/export-state-dict.js'
import type { Model } from '../../lib/model.js'
import { sequential } from '../../lib/model.js'
import { initialWeights } from '../../lib/model-weights.js'
import { lower } from '../../lib/spec/lower.js'
import { checkLayers, inputOf as networkInput } from '../../lib/spec/network.js'
import type { LayerSpec } from '../../lib/spec/types.js'
import type { Tensor } from '../../lib/tensor.js'

export interface Case {
  x: { shape: number[]; data: number[] }
  y: { shape: number[]; data: number[] }
}

const folder = join(fileURLToPath(new URL('..', import.meta.url)), 'fixtures', 'interop', 'pytorch')

/** A file that PyTorch wrote: scripts/fixtures/pytorch.py. */
export function torchFixture(name: string): string {
  return join(folder, name)
}

export function torchCases(): Record<string, Case> {
  return JSON.parse(readFileSync(torchFixture('cases.json'), 'utf8'))
}

export function inputOf({ x }: Case, ids: boolean): Tensor {
  return { data: ids ? Int32Array.from(x.data) : Float32Array.from(x.data), shape: x.shape }
}

/** A model that runs, from what a reader gave. */
export async function running({ layers, inputSize, weights, name }: ModelData): Promise<Model> {
  const model = sequential(layers, { inputSize, device: 'cpu', name, seed: 1 })
  if (!model.built) model.build(inputSize)
  await model.setWeights(weights)
  return model
}

export function expectClose(actual: Tensor, expected: Case['y'], tolerance: number): void {
  expect(actual.shape).toEqual(expected.shape)
  expect(farthest(actual.data, expected.data)).toBeLessThan(tolerance)
}

/** The largest difference. NaN counts as far. */
export function farthest(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let largest = actual.length === expected.length ? 0 : Infinity
  for (let i = 0; i < expected.length; ++i) {
    const distance = Math.abs(actual[i]! - expected[i]!)
    largest = Number.isNaN(distance) ? Infinity : Math.max(largest, distance)
  }
  return largest
}

/** Weights of the declared names and shapes, all of them numbers in float32. */
export function expectWhole(model: ImportedModel): void {
  for (const { data, shape } of model.weights.values()) {
    expect(data).toBeInstanceOf(Float32Array)
    expect(data.length).toBe(shape.reduce((n, m) => n * m, 1))
  }
}

const scratch = mkdtempSync(join(tmpdir(), 'grus-interop-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

/** A path in a folder that goes away after the tests. */
export function scratchFile(name: string): string {
  return join(scratch, name)
}

/** Layers with weights drawn from a seed: all of them, biases too, from PyTorch's distributions. */
export function dataOf(layers: readonly LayerSpec[], inputSize: number, sequence = true, seed = 1): ModelData {
  const named = checkLayers('test', layers)
  const steps = networkInput(named).sequence ?? sequence
  const { parameters } = lower('test', named, inputSize, steps, seed)
  const drawn = parameters.map((parameter) => ({ ...parameter, draw: { ...parameter.draw, initializer: 'torch' as const } }))
  const weights = initialWeights(drawn, seed)
  // a layer normalization's 1 and 0 would hide an exchange
  for (const [name, { data, shape }] of weights) {
    if (shape.length === 1) data.set(data.map((value, i) => value + 0.1 * Math.sin(i + name.length)))
  }
  return modelData('test', 'test', named, inputSize, sequence, weights)
}

/** Such a model's state dict, in a scratch file. */
export async function written(layers: readonly LayerSpec[], file: string, inputSize = 3): Promise<string> {
  await exportStateDict('test', dataOf(layers, inputSize), scratchFile(file))
  return scratchFile(file)
}
