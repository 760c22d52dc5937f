#pragma once

namespace grus::sim::dnn {

// Refuses when libcudnn_adv is declared missing (knob CUDNN_ADV). Where the file itself is neither beside libcudnn.so.9 nor loaded, the
// process is aborted, as cuDNN 9 does.
void require_adv();

// The status that GRUS_SIM_FAIL="cudnnRNNForward:3:5000" or GRUS_SIM_CUDNN_FAIL="RNNForward:3:5000" asks this call to fail with, or 0;
// counts the calls.
int injected_status(const char* function);

}  // namespace grus::sim::dnn
