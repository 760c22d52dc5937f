// oneDNN's GRU primitive of the same equations (lbr_gru). Its gates are z, r, n and its weights [inputs, gates, units], in a layout of the
// primitive's own choice: brought there before inference, but in every run with backward, as the weights of a training change.
#include <omp.h>

#include <algorithm>
#include <dnnl.hpp>
#include <unordered_map>

#include "peer.h"

using namespace grus::bench;
using dnnl::memory;
using Tag = memory::format_tag;

namespace {

constexpr int kOrder[] = {1, 0, 2};  // where z, r, n are among r, z, n

memory::desc dense(const memory::dims& sizes, Tag tag) { return {sizes, memory::data_type::f32, tag}; }

// [3H, cols] <-> [cols, 3, H]
std::vector<float> to_onednn(const std::vector<float>& weights, int hidden) {
  const int cols = static_cast<int>(weights.size()) / (3 * hidden);
  std::vector<float> out(weights.size());
  for (int g = 0; g < 3; ++g) {
    transpose(weights.data() + static_cast<size_t>(kOrder[g]) * hidden * cols, hidden, cols, out.data() + g * hidden, 3 * hidden);
  }
  return out;
}
std::vector<float> from_onednn(const std::vector<float>& weights, int hidden) {
  const int cols = static_cast<int>(weights.size()) / (3 * hidden);
  std::vector<float> transposed(weights.size()), out;
  transpose(weights.data(), cols, 3 * hidden, transposed.data(), cols);
  const auto gate = static_cast<std::ptrdiff_t>(hidden) * cols;
  for (const int g : kOrder) out.insert(out.end(), transposed.begin() + g * gate, transposed.begin() + (g + 1) * gate);  // its own inverse
  return out;
}
// the input's biases and the state's are one, but for n: z, r, n of the input, n of the state
std::vector<float> to_onednn(const std::vector<float>& ih, const std::vector<float>& hh, int hidden) {
  std::vector<float> out(size_t{4} * hidden);
  for (int j = 0; j < hidden; ++j) {
    out[j] = ih[hidden + j] + hh[hidden + j];
    out[hidden + j] = ih[j] + hh[j];
    out[2 * hidden + j] = ih[2 * hidden + j];
    out[3 * hidden + j] = hh[2 * hidden + j];
  }
  return out;
}

class OnednnSubject final : public Subject {
 public:
  explicit OnednnSubject(const Case& c) : case_(c), engine_(with_threads(c.threads), 0), stream_(engine_) {
    const memory::dim T = c.steps, B = c.batch, I = c.input, H = c.hidden;
    const auto x = dense({T, B, I}, Tag::tnc), y = dense({T, B, H}, Tag::tnc), h = dense({1, 1, B, H}, Tag::ldnc);
    const auto wx = dense({1, 1, I, 3, H}, Tag::ldigo), wh = dense({1, 1, H, 3, H}, Tag::ldigo), b = dense({1, 1, 4, H}, Tag::ldgo);
    const auto any_x = dense({1, 1, I, 3, H}, Tag::any), any_h = dense({1, 1, H, 3, H}, Tag::any);
    const memory::desc none;
    const auto forward =
        forward_primitive(c.backward ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference, x, any_x, any_h, b, y, h);
    const auto given = [&](const memory::desc& desc, const std::vector<float>& values) {
      memory room(desc, engine_);
      std::copy(values.begin(), values.end(), static_cast<float*>(room.get_data_handle()));
      return room;
    };
    bind(forward_arguments_, DNNL_ARG_SRC_LAYER, given(x, c.x));
    bind(forward_arguments_, DNNL_ARG_BIAS, given(b, to_onednn(c.bias_ih, c.bias_hh, c.hidden)));
    bind(forward_arguments_, DNNL_ARG_DST_LAYER, memory(y, engine_));
    bind(forward_arguments_, DNNL_ARG_DST_ITER, memory(h, engine_));
    weights_x_ = given(wx, to_onednn(c.weight_ih, c.hidden));
    weights_h_ = given(wh, to_onednn(c.weight_hh, c.hidden));
    arrange(forward_arguments_, DNNL_ARG_WEIGHTS_LAYER, weights_x_, forward.weights_layer_desc());
    arrange(forward_arguments_, DNNL_ARG_WEIGHTS_ITER, weights_h_, forward.weights_iter_desc());
    if (c.backward) bind(forward_arguments_, DNNL_ARG_WORKSPACE, memory(forward.workspace_desc(), engine_));
    forward_ = dnnl::lbr_gru_forward(forward);
    engine_name_ = std::string("lbr_gru ") + forward.impl_info_str();
    reorder_weights();
    if (!c.backward) return;

    const auto backward = backward_primitive(forward, x, any_x, any_h, b, y, h);
    backward_arguments_ = forward_arguments_;
    arrange(backward_arguments_, DNNL_ARG_WEIGHTS_LAYER, weights_x_, backward.weights_layer_desc());
    arrange(backward_arguments_, DNNL_ARG_WEIGHTS_ITER, weights_h_, backward.weights_iter_desc());
    bind(backward_arguments_, DNNL_ARG_DIFF_SRC_LAYER, memory(x, engine_));
    bind(backward_arguments_, DNNL_ARG_DIFF_DST_LAYER, given(y, c.dy));
    bind(backward_arguments_, DNNL_ARG_DIFF_DST_ITER, given(h, std::vector<float>(static_cast<size_t>(B * H))));
    bind(backward_arguments_, DNNL_ARG_DIFF_WEIGHTS_LAYER, memory(backward.diff_weights_layer_desc(), engine_));
    bind(backward_arguments_, DNNL_ARG_DIFF_WEIGHTS_ITER, memory(backward.diff_weights_iter_desc(), engine_));
    bind(backward_arguments_, DNNL_ARG_DIFF_BIAS, memory(b, engine_));
    dweights_x_ = memory(wx, engine_), dweights_h_ = memory(wh, engine_);
    backward_ = dnnl::lbr_gru_backward(backward);
  }

  std::string engine() const override { return engine_name_; }

  void run() override {
    if (case_.backward) reorder_weights();
    forward_.execute(stream_, forward_arguments_);
    if (case_.backward) {
      for (const int each : {DNNL_ARG_DIFF_WEIGHTS_LAYER, DNNL_ARG_DIFF_WEIGHTS_ITER, DNNL_ARG_DIFF_BIAS}) {  // added to
        const memory& gradient = backward_arguments_.at(each);
        std::fill_n(static_cast<char*>(gradient.get_data_handle()), gradient.get_desc().get_size(), 0);
      }
      backward_.execute(stream_, backward_arguments_);
      dnnl::reorder(backward_arguments_.at(DNNL_ARG_DIFF_WEIGHTS_LAYER), dweights_x_)
          .execute(stream_, backward_arguments_.at(DNNL_ARG_DIFF_WEIGHTS_LAYER), dweights_x_);
      dnnl::reorder(backward_arguments_.at(DNNL_ARG_DIFF_WEIGHTS_ITER), dweights_h_)
          .execute(stream_, backward_arguments_.at(DNNL_ARG_DIFF_WEIGHTS_ITER), dweights_h_);
    }
    stream_.wait();
  }

  Results results() const override {
    Results results;
    results.y = values(forward_arguments_.at(DNNL_ARG_DST_LAYER));
    results.hy = values(forward_arguments_.at(DNNL_ARG_DST_ITER));
    if (!case_.backward) return results;
    results.dx = values(backward_arguments_.at(DNNL_ARG_DIFF_SRC_LAYER));
    results.weight_ih = from_onednn(values(dweights_x_), case_.hidden);
    results.weight_hh = from_onednn(values(dweights_h_), case_.hidden);
    const std::vector<float> bias = values(backward_arguments_.at(DNNL_ARG_DIFF_BIAS));  // z, r, n of the input, n of the state
    for (const int g : {1, 0, 2})
      results.bias_ih.insert(results.bias_ih.end(), &bias[g * case_.hidden], &bias[g * case_.hidden] + case_.hidden);
    for (const int g : {1, 0, 3})
      results.bias_hh.insert(results.bias_hh.end(), &bias[g * case_.hidden], &bias[g * case_.hidden] + case_.hidden);
    return results;
  }

 private:
  using Arguments = std::unordered_map<int, memory>;
  struct Reorder {
    dnnl::reorder reorder;
    memory from, to;
  };

  static dnnl::engine::kind with_threads(int threads) {  // before anything of oneDNN asks how many there are
    omp_set_num_threads(threads);
    return dnnl::engine::kind::cpu;
  }

  template <class... Descs>
  dnnl::lbr_gru_forward::primitive_desc forward_primitive(dnnl::prop_kind kind, const memory::desc& x, const memory::desc& wx,
                                                          const memory::desc& wh, const memory::desc& b, const memory::desc& y,
                                                          const memory::desc& h) {
    constexpr auto kLeftToRight = dnnl::rnn_direction::unidirectional_left2right;
#if DNNL_VERSION_MAJOR >= 3
    return {engine_, kind, kLeftToRight, x, {}, wx, wh, b, y, h};
#else
    return {{kind, kLeftToRight, x, {}, wx, wh, b, y, h}, engine_};
#endif
  }
  dnnl::lbr_gru_backward::primitive_desc backward_primitive(const dnnl::lbr_gru_forward::primitive_desc& forward, const memory::desc& x,
                                                            const memory::desc& wx, const memory::desc& wh, const memory::desc& b,
                                                            const memory::desc& y, const memory::desc& h) {
    constexpr auto kKind = dnnl::prop_kind::backward;
    constexpr auto kLeftToRight = dnnl::rnn_direction::unidirectional_left2right;
#if DNNL_VERSION_MAJOR >= 3
    return {engine_, kKind, kLeftToRight, x, {}, wx, wh, b, y, h, x, {}, wx, wh, b, y, h, forward};
#else
    return {{kKind, kLeftToRight, x, {}, wx, wh, b, y, h, x, {}, wx, wh, b, y, h}, engine_, forward};
#endif
  }

  static void bind(Arguments& arguments, int name, const memory& room) { arguments[name] = room; }
  // the argument in the layout that the primitive wants, renewed from `from` by reorder_weights
  void arrange(Arguments& arguments, int name, const memory& from, const memory::desc& wanted) {
    const memory to(wanted, engine_);
    bind(arguments, name, to);
    reorders_.push_back({dnnl::reorder(from, to), from, to});
  }
  void reorder_weights() {
    for (Reorder& each : reorders_) each.reorder.execute(stream_, each.from, each.to);
    stream_.wait();
  }
  static std::vector<float> values(const memory& room) {
    const auto* data = static_cast<const float*>(room.get_data_handle());
    return std::vector<float>(data, data + room.get_desc().get_size() / sizeof(float));
  }

  Case case_;
  dnnl::engine engine_;
  dnnl::stream stream_;
  std::string engine_name_;
  dnnl::lbr_gru_forward forward_;
  dnnl::lbr_gru_backward backward_;
  Arguments forward_arguments_, backward_arguments_;
  memory weights_x_, weights_h_, dweights_x_, dweights_h_;
  std::vector<Reorder> reorders_;
};

}  // namespace

int main() {
  const dnnl_version_t* version = dnnl::version();
  const std::string text = std::to_string(version->major) + "." + std::to_string(version->minor) + "." + std::to_string(version->patch);
  return serve("onednn", text, [](const Case& c) { return std::make_unique<OnednnSubject>(c); });
}
