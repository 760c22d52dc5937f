#include "data.h"

#include <algorithm>
#include <fstream>

#include "core/error.h"

namespace grus::bench {
namespace {

std::vector<float> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw Error(ErrorCode::invalid_argument, "[bench] expected the file " + path + ", there is none");
  std::vector<float> values(static_cast<size_t>(file.tellg()) / sizeof(float));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(float)));
  if (!file || values.empty()) throw Error(ErrorCode::invalid_argument, "[bench] expected float32 values in " + path);
  return values;
}

Buffer upload(cuda::Context& context, const std::vector<float>& values, int64_t count) {
  Buffer buffer = context.allocate(static_cast<size_t>(count) * sizeof(float));
  for (int64_t at = 0; at < count; at += static_cast<int64_t>(values.size())) {
    const auto part = static_cast<size_t>(std::min(count - at, static_cast<int64_t>(values.size())));
    context.check(cudaMemcpyAsync(buffer.as<float>() + at, values.data(), part * sizeof(float), cudaMemcpyHostToDevice, context.stream()),
                  "cudaMemcpyAsync");
  }
  context.synchronize();
  return buffer;
}

int64_t stride_of(int64_t count, int64_t most) { return std::max<int64_t>(1, (count + most - 1) / most); }

}  // namespace

std::vector<float> read_values(const std::string& folder, const std::string& name, int64_t count) {
  std::vector<float> values = read_file(folder + "/" + name + ".bin");
  const size_t given = values.size();
  values.resize(static_cast<size_t>(count));
  for (size_t at = given; at < values.size(); ++at) values[at] = values[at - given];
  return values;
}

Data::Data(cuda::Context& context, const Shape& of, const std::string& from) : shape(of), folder(from) {
  x = upload(context, read_file(folder + "/x.bin"), shape.x_count());
  if (shape.training) dy = upload(context, read_file(folder + "/dy.bin"), shape.y_count());
}

std::vector<float> sample(const std::vector<float>& values, int64_t most) {
  const int64_t count = static_cast<int64_t>(values.size()), stride = stride_of(count, most);
  std::vector<float> few;
  for (int64_t at = 0; at < count; at += stride) few.push_back(values[static_cast<size_t>(at)]);
  return few;
}

std::vector<float> sample(cuda::Context& context, const float* values, int64_t count, int64_t most) {
  std::vector<float> all(static_cast<size_t>(count));
  context.check(cudaMemcpyAsync(all.data(), values, all.size() * sizeof(float), cudaMemcpyDeviceToHost, context.stream()),
                "cudaMemcpyAsync");
  context.synchronize();
  return sample(all, most);
}

}  // namespace grus::bench
