#include "../exports.h"

// lib/incomplete/libcudnn.so.9: cuDNN 9 as far as its version says, without its functions for RNNs.
size_t cudnnGetVersion() { return 92400; }
size_t cudnnGetCudartVersion() { return 13030; }
const char* cudnnGetErrorString(grus::cudnn::Status) { return "CUDNN_STATUS_SUCCESS"; }
void cudnnGetLastErrorString(char* message, size_t max_size) {
  if (max_size > 0) message[0] = '\0';
}
grus::cudnn::Status cudnnOpsVersionCheck() { return grus::cudnn::Status::success; }
grus::cudnn::Status cudnnAdvVersionCheck() { return grus::cudnn::Status::success; }
