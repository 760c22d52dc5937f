#include "groups.h"
#include "stopwatch.h"

namespace probe {
namespace {

void measure(Context& context, Json& found, const char* name, const Shape& shape) {
  trying(name);
  Network n(context, shape);
  const Outcome outcome = n.pass(true);
  found.add(name, outcome.good ? Json(microseconds(n, true)) : Json(outcome.text));
}

}  // namespace

// Not a benchmark: which habits cost something at all.
void speed(Context& context) {
  for (const Kind& kind : {kFloat32, kFloat16}) {
    Shape usual;
    usual.kind = kind;
    if (full_sizes()) usual.inputs = usual.hidden = 256, usual.batch = 32, usual.steps = 100;
    Json found = Json::object();
    measure(context, found, "time-major", usual);
    Shape shape = usual;
    shape.layout = cudnn::RnnDataLayout::batch_major_unpacked;
    measure(context, found, "batch-major", shape);
    shape = usual;
    shape.flags = 0;
    measure(context, found, "without padded IO", shape);
    shape = usual;
    for (int row = 0; row < shape.batch; ++row) shape.lengths.push_back(shape.steps - row % 2);
    measure(context, found, "every other row one step shorter", shape);
    for (const int more : {-1, 1, 4}) {
      shape = usual;
      shape.hidden += more;
      measure(context, found, (std::string("H ") + std::to_string(shape.hidden)).c_str(), shape);
    }
    shape = usual;
    shape.inputs += 1;
    measure(context, found, "one input more", shape);
    shape = usual;
    shape.batch -= 1;
    measure(context, found, "one row less", shape);
    shape = usual;
    shape.layers = 4;
    measure(context, found, "4 layers in one call", shape);
    shape = usual;
    shape.directions = 2;
    measure(context, found, "2 directions in one call", shape);
    answer("8.15", std::string("microseconds of a training step, I = H = ") + std::to_string(usual.hidden) + ", B " +
                       std::to_string(usual.batch) + ", T " + std::to_string(usual.steps) + ", " + kind.name, found);
  }
}

}  // namespace probe
