#pragma once

namespace grus {

enum class Device { automatic, cpu, cuda };

// float32: no rounding below it; tf32: matrix products may round their inputs to 10 bits of mantissa; bfloat16, float16: the GRU computes
// on values of that type (dense layers as tf32), with float32 master weights, gradients and optimizer.
enum class Precision { float32, tf32, bfloat16, float16 };

// cuDNN's, for the GRUs it computes. heuristic: by shape; autotune: the fastest that agrees with standard, timed once per shape.
// A pinned one that cuDNN refuses for a shape gives way to standard, for good.
enum class GruAlgorithm { heuristic, standard, persist_static, persist_dynamic, persist_static_small_h, autotune };

struct EngineOptions {
  Device device = Device::automatic;
  int index = 0;                        // which GPU
  int threads = 0;                      // of the CPU engine; <= 0: default_threads()
  Precision precision = Precision::float32;
  GruAlgorithm algorithm = GruAlgorithm::heuristic;
  bool half_weights = false;            // CPU: a GRU's weights are rounded to bfloat16 for inference; training knows nothing of it
  bool graphs = true;                   // CUDA: a step seen before is captured once and replayed
};

}  // namespace grus
