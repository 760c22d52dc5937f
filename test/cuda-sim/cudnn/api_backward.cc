#include <limits>
#include <utility>

#include "../sim.h"
#include "exports.h"
#include "pass.h"

using namespace grus::cudnn;
using namespace grus::sim;
using namespace grus::sim::dnn;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct DataPointers {
  const void *y, *dy, *hx, *dhy, *weights;
  void *dx, *dhx, *reserve;
};

struct WeightPointers {
  const void *x, *hx, *y;
  void *dweights, *reserve;
};

unsigned long long state_hash(const Pass& pass, const void* hx) { return hx ? hash_bytes(hx, pass.state_bytes()) : 0; }

const char* broken_data_pass(const Pass& pass, const DataPointers& p, Reserve& reserve) {
  if (const char* reason = reserve.broken(Reserve::State::forward)) return reason;
  const Reserve::Header& header = reserve.header();
  if (header.hx != state_hash(pass, p.hx)) return "hx is not what the forward pass was given";
  if (header.weights != hash_of(pass.layout, pass.config.data, p.weights)) return "the weights are not those of the forward pass";
  if (header.y != hash_of(pass.y, p.y)) return "y is not what the forward pass wrote";
  return nullptr;
}

const char* broken_weight_pass(const Pass& pass, const WeightPointers& p, Reserve& reserve) {
  if (const char* reason = reserve.broken(Reserve::State::data)) return reason;
  const Reserve::Header& header = reserve.header();
  if (header.hx != state_hash(pass, p.hx)) return "hx is not what the forward pass was given";
  if (header.x != hash_of(pass.x, p.x)) return "x is not what the forward pass was given";
  if (header.y != hash_of(pass.y, p.y)) return "y is not what the forward pass wrote";
  return nullptr;
}

// One data pass, in pieces.
struct DataPass {
  const std::shared_ptr<Pass> shared;
  const DataPointers p;
  Values dx = {}, dhx = {};
  const Pass& pass = *shared;

  void compute() {
    Reserve reserve(pass.config, pass.x, p.reserve);
    if (const char* reason = broken_data_pass(pass, p, reserve)) {
      misuse(pass.call, "%s", reason);
      dx.assign(static_cast<size_t>(pass.x.steps) * pass.x.batch * pass.x.width, kNaN);
      dhx.assign(pass.states(), kNaN);
    } else {
      const Gru gru(pass.config, pass.x, pass.precision, pass.layout, p.weights);
      gru.backward_data(pass.gather(pass.y, p.dy), pass.load_states(p.dhy), pass.load_states(p.hx), reserve, dx, dhx);
      reserve.header().state = Reserve::State::data;
    }
    for (size_t i = 0; i < dx.size(); ++i) dx[i] = pass.faults.disturb(dx[i] * pass.faults.dx, i);
  }
  void write_input_gradient() {
    pass.scatter(pass.x, std::exchange(dx, {}), p.dx);
    pass.fill_padding(pass.x, kNaN, p.dx);
  }
  void write_state_gradient() { pass.store_states(std::exchange(dhx, {}), p.dhx); }
};

// One weight pass, in pieces.
struct WeightPass {
  const std::shared_ptr<Pass> shared;
  const WeightPointers p;
  Values sums = {};
  const Pass& pass = *shared;

  void compute() {
    Reserve reserve(pass.config, pass.x, p.reserve);
    if (const char* reason = broken_weight_pass(pass, p, reserve)) {
      misuse(pass.call, "%s", reason);
      sums.assign(pass.layout.elements(), kNaN);
    } else {
      const Gru gru(pass.config, pass.x, pass.precision, pass.layout, nullptr);
      gru.backward_weights(pass.gather(pass.x, p.x), pass.load_states(p.hx), reserve, sums);
    }
  }
  void add(bool biases) const {
    const DataType type = pass.config.data;
    for (const Region& region : pass.layout.regions()) {
      if (region.bias != biases) continue;
      for (size_t i = region.offset; i < region.offset + region.elements(); ++i) {
        store(type, p.dweights, i, load(type, p.dweights, i) + pass.faults.disturb(sums[i] * pass.faults.dweights, i));
      }
    }
  }
  void poison_gaps() const {
    if (!pass.layout.poisons_gaps()) return;
    pass.layout.for_each_gap([&](size_t first, size_t count) {
      for (size_t i = first; i < first + count; ++i) store(pass.config.data, p.dweights, i, kNaN);
    });
  }
};

}  // namespace

Status cudnnRNNBackwardData_v8(Handle handle, RnnDescriptor descriptor, const int32_t device_lengths[], RnnDataDescriptor y_desc,
                               const void* y, const void* dy, RnnDataDescriptor x_desc, void* dx, TensorDescriptor h_desc, const void* hx,
                               const void* dhy, void* dhx, TensorDescriptor c_desc, const void* cx, const void* dcy, void* dcx,
                               size_t weight_bytes, const void* weights, size_t workspace_bytes, void* workspace, size_t reserve_bytes,
                               void* reserve) {
  return call("cudnnRNNBackwardData_v8", Library::adv, [&] {
    HandleUse use("cudnnRNNBackwardData_v8", handle);
    const auto pass =
        std::make_shared<Pass>("cudnnRNNBackwardData_v8", use, descriptor, device_lengths, x_desc, y_desc, true, Stage::backward);
    pass->check_state_descriptor(h_desc, hx || dhy || dhx);
    refuse_missing_states(pass->config, hx && dhy && dhx);
    pass->check_cell(c_desc, cx || dcy || dcx);
    pass->arguments.read("y", y, pass->y.bytes());
    pass->arguments.read("dy", dy, pass->y.bytes());
    pass->arguments.write("dx", dx, pass->x.bytes());
    if (hx) pass->arguments.read("hx", hx, pass->state_bytes());
    if (dhy) pass->arguments.read("dhy", dhy, pass->state_bytes());
    if (dhx) pass->arguments.write("dhx", dhx, pass->state_bytes());
    pass->take_spaces(weight_bytes, weights, false, workspace_bytes, workspace, reserve_bytes, reserve);
    pass->arguments.check();
    const auto work = std::make_shared<DataPass>(DataPass{pass, {y, dy, hx, dhy, weights, dx, dhx, reserve}});
    pass->submit(use, [work] { work->compute(); }, [work] { work->write_input_gradient(); }, [work] { work->write_state_gradient(); });
  });
}

Status cudnnRNNBackwardWeights_v8(Handle handle, RnnDescriptor descriptor, WgradMode mode, const int32_t device_lengths[],
                                  RnnDataDescriptor x_desc, const void* x, TensorDescriptor h_desc, const void* hx,
                                  RnnDataDescriptor y_desc, const void* y, size_t weight_bytes, void* dweights, size_t workspace_bytes,
                                  void* workspace, size_t reserve_bytes, void* reserve) {
  return call("cudnnRNNBackwardWeights_v8", Library::adv, [&] {
    HandleUse use("cudnnRNNBackwardWeights_v8", handle);
    require(mode == WgradMode::add, kNotSupported, "addGrad != CUDNN_WGRAD_MODE_ADD");
    const auto pass =
        std::make_shared<Pass>("cudnnRNNBackwardWeights_v8", use, descriptor, device_lengths, x_desc, y_desc, true, Stage::backward);
    pass->check_state_descriptor(h_desc, hx != nullptr);
    pass->arguments.read("x", x, pass->x.bytes());
    pass->arguments.read("y", y, pass->y.bytes());
    if (hx) pass->arguments.read("hx", hx, pass->state_bytes());
    pass->take_spaces(weight_bytes, dweights, true, workspace_bytes, workspace, reserve_bytes, reserve);
    pass->arguments.check();
    const auto work = std::make_shared<WeightPass>(WeightPass{pass, {x, hx, y, dweights, reserve}});
    pass->submit(use, [work] { work->compute(); }, [work] { work->add(false); }, [work] { work->add(true), work->poison_gaps(); });
  });
}
