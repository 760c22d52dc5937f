#include <limits>
#include <utility>

#include "exports.h"
#include "pass.h"

using namespace grus::cudnn;
using namespace grus::sim::dnn;

namespace {

struct ForwardPointers {
  const void *x, *hx, *weights;
  void *y, *hy, *reserve;
};

// One pass, in pieces.
struct Forward {
  const std::shared_ptr<Pass> shared;
  const ForwardPointers p;
  Values y = {}, hy = {};
  const Pass& pass = *shared;

  void compute() {
    const Gru gru(pass.config, pass.x, pass.precision, pass.layout, p.weights);
    Reserve reserve(pass.config, pass.x, p.reserve);
    if (pass.training) reserve.begin();
    gru.forward(pass.gather(pass.x, p.x), pass.load_states(p.hx), y, hy, pass.training ? &reserve : nullptr);
    for (size_t i = 0; i < y.size(); ++i) y[i] = pass.faults.disturb(y[i] * pass.faults.y, i);
  }
  void write_output() {
    pass.scatter(pass.y, std::exchange(y, {}), p.y);
    pass.fill_padding(pass.y, pass.y.fills ? pass.y.fill : std::numeric_limits<double>::quiet_NaN(), p.y);
    if (pass.training) Reserve(pass.config, pass.x, p.reserve).header().y = hash_of(pass.y, p.y);
  }
  void write_state() {
    pass.store_states(std::exchange(hy, {}), p.hy);
    if (!pass.training) return;
    Reserve::Header& header = Reserve(pass.config, pass.x, p.reserve).header();
    header.x = hash_of(pass.x, p.x);
    header.hx = p.hx ? hash_bytes(p.hx, pass.state_bytes()) : 0;
    header.weights = hash_of(pass.layout, pass.config.data, p.weights);
  }
};

}  // namespace

Status cudnnRNNForward(Handle handle, RnnDescriptor descriptor, ForwardMode mode, const int32_t device_lengths[], RnnDataDescriptor x_desc,
                       const void* x, RnnDataDescriptor y_desc, void* y, TensorDescriptor h_desc, const void* hx, void* hy,
                       TensorDescriptor c_desc, const void* cx, void* cy, size_t weight_bytes, const void* weights, size_t workspace_bytes,
                       void* workspace, size_t reserve_bytes, void* reserve) {
  return call("cudnnRNNForward", Library::adv, [&] {
    HandleUse use("cudnnRNNForward", handle);
    const bool training = mode == ForwardMode::training;
    require(training || mode == ForwardMode::inference, kBadParameter, "fwdMode is unknown");
    const auto pass = std::make_shared<Pass>("cudnnRNNForward", use, descriptor, device_lengths, x_desc, y_desc, training, Stage::forward);
    pass->check_state_descriptor(h_desc, hx || hy);
    refuse_missing_states(pass->config, hx && hy);
    pass->check_cell(c_desc, cx || cy);
    pass->arguments.read("x", x, pass->x.bytes());
    pass->arguments.write("y", y, pass->y.bytes());
    if (hx) pass->arguments.read("hx", hx, pass->state_bytes());
    if (hy) pass->arguments.write("hy", hy, pass->state_bytes());
    pass->take_spaces(weight_bytes, weights, false, workspace_bytes, workspace, reserve_bytes, reserve);
    pass->arguments.check();
    const auto work = std::make_shared<Forward>(Forward{pass, {x, hx, weights, y, hy, reserve}});
    pass->submit(use, [work] { work->compute(); }, [work] { work->write_output(); }, [work] { work->write_state(); });
  });
}
