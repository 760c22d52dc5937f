#include "exports.h"
#include "layout.h"
#include "objects.h"
#include "refusals.h"
#include "reserve.h"

using namespace grus::cudnn;
using namespace grus::sim::dnn;

namespace {

// The answer to a question about one gate: its address, and its shape as {1, rows, columns}.
void describe(const Region* region, DataType type, const char* weights, TensorDescriptor descriptor, void** address, const char* what) {
  if (!descriptor && !address) return;   // this half is not wanted, see cudnnGetRNNWeightParams
  *address = nullptr;
  if (!region) return;
  *address = const_cast<char*>(weights) + region->offset * size_of(type);
  auto& target = find_as("cudnnGetRNNWeightParams", descriptor, Kind::tensor, what, false);
  target.data = type;
  target.dims = {1, region->rows, region->columns};
  target.strides = {region->rows * region->columns, region->columns, 1};
  target.set = true;
}

}  // namespace

Status cudnnGetRNNTempSpaceSizes(Handle handle, RnnDescriptor descriptor, ForwardMode mode, RnnDataDescriptor x_desc, size_t* workspace,
                                 size_t* reserve) {
  return call("cudnnGetRNNTempSpaceSizes", Library::adv, [&] {
    const HandleUse use("cudnnGetRNNTempSpaceSizes", handle);
    const RnnConfig& config = rnn("cudnnGetRNNTempSpaceSizes", descriptor).config;
    const Sequences& x = rnn_data("cudnnGetRNNTempSpaceSizes", x_desc, "xDesc").sequences;
    const bool training = mode == ForwardMode::training;
    require(training || mode == ForwardMode::inference, kBadParameter, "fwdMode is unknown");
    require(workspace, kNullPointer, "workSpaceSize == NULL");
    require(x.data == config.data, kBadParameter, "dataType of xDesc and rnnDesc differ");
    require(x.width == config.input_size, kShapeMismatch, "xDesc's vectorSize != inputSize");
    refuse_unsupported(config, x, training, Stage::sizes);
    *workspace = workspace_bytes(config, x, training);
    if (reserve) *reserve = training ? reserve_bytes(config, x) : 0;
  });
}

Status cudnnGetRNNWeightSpaceSize(Handle handle, RnnDescriptor descriptor, size_t* bytes) {
  return call("cudnnGetRNNWeightSpaceSize", Library::adv, [&] {
    const HandleUse use("cudnnGetRNNWeightSpaceSize", handle);
    const RnnConfig& config = rnn("cudnnGetRNNWeightSpaceSize", descriptor).config;
    require(bytes, kNullPointer, "weightSpaceSize == NULL");
    *bytes = WeightLayout(config).bytes();
  });
}

// Nothing is read from the weights: the addresses are arithmetic. Half of the answer may be left out since 9.1.
Status cudnnGetRNNWeightParams(Handle handle, RnnDescriptor descriptor, int32_t pseudo_layer, size_t weight_bytes, const void* weights,
                               int32_t linear_id, TensorDescriptor matrix, void** matrix_address, TensorDescriptor bias,
                               void** bias_address) {
  return call("cudnnGetRNNWeightParams", Library::adv, [&] {
    const HandleUse use("cudnnGetRNNWeightParams", handle);
    const RnnConfig& config = rnn("cudnnGetRNNWeightParams", descriptor).config;
    const WeightLayout layout(config);
    require(weights, kNullPointer, "weightSpace == NULL");
    require(weight_bytes >= layout.bytes(), kSizeInsufficient, "weightSpaceSize is too small");
    require(pseudo_layer >= 0 && pseudo_layer < config.pseudo_layers(), kBadParameter, "pseudoLayer is out of range");
    require(linear_id >= 0 && linear_id < 6, kBadParameter, "linLayerID is out of range");
    const bool halves = cudnnGetVersion() >= 90100;
    require((matrix && matrix_address) || (halves && !matrix && !matrix_address), kNullPointer, "mDesc == NULL || mAddr == NULL");
    require((bias && bias_address) || (halves && !bias && !bias_address), kNullPointer, "bDesc == NULL || bAddr == NULL");
    const auto* base = static_cast<const char*>(weights);
    describe(layout.find(pseudo_layer, linear_id, false), config.data, base, matrix, matrix_address, "mDesc");
    describe(layout.find(pseudo_layer, linear_id, true), config.data, base, bias, bias_address, "bDesc");
  });
}
