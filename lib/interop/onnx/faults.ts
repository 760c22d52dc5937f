// What reading a graph throws; whoever opened the file makes a GrusError of it.

/** A sound file that says something grus has no place for. */
export class OnnxUnsupported extends Error {}

/** A file that no checker of ONNX would pass. */
export class OnnxCorrupt extends Error {}
