#pragma once

// Marks what runs on the CPU and on the GPU alike.
#ifdef __CUDACC__
#define GRUS_DEVICE __host__ __device__
#else
#define GRUS_DEVICE
#endif
