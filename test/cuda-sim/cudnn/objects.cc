#include "objects.h"

#include <map>

#include "../sim.h"

namespace grus::sim::dnn {
namespace {

struct Registry {
  std::mutex mutex;
  std::map<const void*, std::unique_ptr<Object>> objects;
};

// Never destroyed: handles outlive main.
Registry& registry() {
  static Registry& all = *new Registry;
  return all;
}

const char* kind_name(Kind kind) {
  static const char* const names[] = {"handle", "tensor descriptor", "dropout descriptor", "RNN descriptor", "RNN data descriptor"};
  return names[static_cast<int>(kind)];
}

Object& find_locked(const char* call, const void* pointer, Kind kind, const char* what) {
  const auto found = registry().objects.find(pointer);
  if (found == registry().objects.end()) {
    misuse(call, "%s is nothing that cuDNN has made", what);
    refuse(kWrongObject, std::string(what) + " is not a " + kind_name(kind));
  }
  Object& object = *found->second;
  if (object.kind != kind) {
    misuse(call, "%s must be a %s, but is a %s", what, kind_name(kind), kind_name(object.kind));
    refuse(kWrongObject, std::string(what) + " is not a " + kind_name(kind));
  }
  if (!object.alive) {
    misuse(call, "%s is a %s that has been destroyed", what, kind_name(kind));
    refuse(kWrongObject, std::string(what) + " has been destroyed");
  }
  return object;
}

}   // namespace

void adopt(std::unique_ptr<Object> object) {
  Registry& all = registry();
  const std::lock_guard<std::mutex> lock(all.mutex);
  const void* pointer = object.get();
  all.objects[pointer] = std::move(object);
}

Object& find(const char* call, const void* pointer, Kind kind, const char* what) {
  if (!pointer) refuse(kNullPointer, std::string(what) + " == NULL");
  const std::lock_guard<std::mutex> lock(registry().mutex);
  return find_locked(call, pointer, kind, what);
}

void destroy(const char* call, const void* pointer, Kind kind) {
  if (!pointer) return;   // allowed, as the real one does
  const std::lock_guard<std::mutex> lock(registry().mutex);
  find_locked(call, pointer, kind, "the argument").alive = false;
}

HandleUse::HandleUse(const char* call, cudnn::Handle handle) : handle_(&find_as(call, handle, Kind::handle, "handle")) {
  if (handle_->inside.fetch_add(1) != 0) misuse(call, "another thread is inside a call with the same handle");
  if (current_device() != handle_->device) {
    misuse(call, "the handle belongs to device %d, but device %d is current", handle_->device, current_device());
  }
}

HandleUse::~HandleUse() { handle_->inside.fetch_sub(1); }

extern "C" __attribute__((visibility("default"))) int grus_sim_cudnn_descriptors() {
  const std::lock_guard<std::mutex> lock(registry().mutex);
  int living = 0;
  for (const auto& entry : registry().objects) living += entry.second->alive && entry.second->kind != Kind::handle;
  return living;
}

}   // namespace grus::sim::dnn
