#include "groups.h"

namespace probe {
namespace {

void table(Context& context, const Kind& kind, bool ragged) {
  std::vector<Json> rows;
  for (const int layers : {1, 2}) {
    for (const int hidden : {32, 64, 128}) {
      for (const int batch : {1, 2, 16}) {
        for (const int steps : {1, 2, 10, 11, 100}) {
          Shape shape;
          shape.kind = kind, shape.inputs = 48, shape.layers = layers, shape.hidden = hidden, shape.batch = batch, shape.steps = steps;
          if (ragged) {
            for (int row = 0; row < batch; ++row) shape.lengths.push_back(1 + (row * 7 + 3) % steps);
          }
          Network n(context, shape);
          if (!n.refused().good) return answer("8.11", "sizes", n.refused().text);
          rows.push_back(std::vector<Json>{steps, batch, hidden, layers, n.workspace_bytes, n.reserve_bytes, n.weight_bytes});
        }
      }
    }
  }
  answer("8.11", std::string("bytes by [T, B, H, L, workspace, reserve, weights], I 48, ") + kind.name + (ragged ? ", ragged" : ""), rows);
}

}  // namespace

void sizes(Context& context) {
  trying("sizes");
  table(context, kFloat32, false);
  table(context, kFloat32, true);
  table(context, kFloat16, false);

  const char* question = "hx null or zeros: the same bits";
  trying(question);
  Network zeros(context, Shape{}), null(context, Shape{});
  zeros.write(HX, Floats(zeros.count(HX), 0));
  null.absent[HX] = true;
  const Outcome first = zeros.pass(true), second = null.pass(true);
  answer("8.11", question, first.good && second.good ? Json(same_bits(zeros, null, true)) : Json(first.text + "; " + second.text));
}

}  // namespace probe
