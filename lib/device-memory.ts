/** What a model or GRU holds on its device. */
export interface DeviceMemory {
  /** Allocations so far: a step that needs no more than those before it adds none. */
  allocations: number
  /** Held now, without `graphs.bytes`. */
  bytes: number
  /** Of a model on a GPU; a `Gru` and the CPU capture nothing. */
  graphs?: GraphUse
}

/** What became of a model's passes on a GPU: replayed as CUDA graphs, or enqueued kernel by kernel. */
export interface GraphUse {
  /** Graphs made so far. */
  captures: number
  /** Passes that a graph ran. */
  replays: number
  /** Passes that were enqueued as they are: the first two of each size, and all that could not be captured. */
  eager: number
  /** Captures that came to nothing. */
  refusals: number
  /** Why the last of them did. */
  lastRefusal?: string
  /** Nodes of the graphs held now. */
  nodes: number
  /** GPU memory that the graphs hold now: an estimate, CUDA does not tell. */
  bytes: number
}
