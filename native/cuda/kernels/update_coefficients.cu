#include "update_coefficients.h"

namespace grus::cuda {
namespace {

// As PyTorch's GradScaler moves it, within bounds that no sound training meets.
constexpr float kLeastScale = 1.0f / 16384, kMostScale = 16777216.0f;
constexpr uint32_t kGrowthInterval = 2000;

struct Prepare {
  Optimizer options;
  const StepScalars* scalars;
  UpdateState* state;
  bool dynamic_scale;
  UpdateCoefficients* coefficients;

  GRUS_DEVICE void operator()(int64_t) const {
    UpdateCoefficients c;
    state->finite = 1;
    if (dynamic_scale) {
      state->finite = state->norm - state->norm == 0;
      move_scale();
    }
    c.skip = !state->finite;
    if (!c.skip) {
      const uint64_t skipped = dynamic_scale ? state->skipped : 0;
      fill(c, scalars->update > skipped ? scalars->update - skipped : 1);
      state->clip = c.clip = global_clip();
    }
    *coefficients = c;
  }

 private:
  GRUS_DEVICE void move_scale() const {
    if (!state->finite) {
      ++state->skipped;
      state->streak = 0;
      state->scale = state->scale > 2 * kLeastScale ? 0.5f * state->scale : kLeastScale;
    } else if (++state->streak >= kGrowthInterval) {
      state->streak = 0;
      state->scale = state->scale < 0.5f * kMostScale ? 2.0f * state->scale : kMostScale;
    }
  }

  GRUS_DEVICE float global_clip() const {
    if (!(options.global_clip_norm > 0)) return 1;
    const double norm = sqrt(state->norm);
    state->norm = norm;
    if (norm <= options.global_clip_norm) return 1;
    return static_cast<float>(options.global_clip_norm / norm + (norm - norm));   // infinite norm: NaN, not 0
  }

  GRUS_DEVICE static void averages(UpdateCoefficients& c, double first, double second) {
    c.keep1 = static_cast<float>(first);
    c.take1 = static_cast<float>(1 - first);
    c.keep2 = static_cast<float>(second);
    c.take2 = static_cast<float>(1 - second);
  }

  // Powers and corrections in double, as the CPU engine's.
  GRUS_DEVICE void fill(UpdateCoefficients& c, uint64_t update) const {
    const auto t = static_cast<double>(update);
    const double rate = scalars->learning_rate, beta1 = options.beta1, beta2 = options.beta2;
    const double correction1 = 1 - pow(beta1, t), root2 = sqrt(1 - pow(beta2, t));
    c.rate = scalars->learning_rate;
    c.decay = static_cast<float>(static_cast<double>(options.weight_decay) * rate);
    switch (options.kind) {
      case OptimizerKind::sgd: averages(c, options.momentum, 0); break;
      case OptimizerKind::adam:
      case OptimizerKind::adamw:
        averages(c, beta1, beta2);
        c.rate = static_cast<float>(options.torch_epsilon ? rate / correction1 : rate * root2 / correction1);
        c.scale = options.torch_epsilon ? static_cast<float>(1 / root2) : 1.0f;
        break;
      case OptimizerKind::rmsprop: averages(c, options.momentum, options.rho); break;
      case OptimizerKind::adagrad: break;
      case OptimizerKind::adadelta: averages(c, 0, options.rho); break;
      case OptimizerKind::adamax:
        averages(c, beta1, beta2);
        c.rate = static_cast<float>(rate / correction1);
        break;
      case OptimizerKind::nadam: {
        averages(c, beta1, beta2);
        const double now = momentum_of(update), next = momentum_of(update + 1), product = product_up_to(update);
        c.rate = static_cast<float>(rate * next / (1 - product * next));
        c.look_ahead = static_cast<float>(rate * (1 - now) / (1 - product));
        c.scale = static_cast<float>(1 / root2);
        break;
      }
    }
  }

  // Nadam's schedule: U(t) = u(1) * ... * u(t), a function of t alone; the last product is kept only to save the loop.
  GRUS_DEVICE double momentum_of(uint64_t update) const { return options.beta1 * (1 - 0.5 * pow(0.96, static_cast<double>(update))); }

  GRUS_DEVICE double product_up_to(uint64_t update) const {
    uint64_t at = state->nadam_update;
    double product = state->nadam_product;
    if (state->nadam_beta1 != options.beta1 || update < at) {
      at = 0;
      product = 1;
    }
    while (at < update && product != 0) product *= momentum_of(++at);   // underflows to 0 within some thousand updates
    state->nadam_beta1 = options.beta1;
    state->nadam_update = update;
    state->nadam_product = product;
    return product;
  }
};

}  // namespace

void prepare_update(cudaStream_t stream, const Optimizer& options, const StepScalars* scalars, UpdateState* state, bool dynamic_scale,
                    UpdateCoefficients* coefficients) {
  for_each(stream, 1, Prepare{options, scalars, state, dynamic_scale, coefficients});
}

}  // namespace grus::cuda
