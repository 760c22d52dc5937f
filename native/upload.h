#pragma once
#include "backend.h"

namespace grus {

// A stretch of device memory as the host fills it: what lies at a view inside is written to host(view), and send() brings all of it over.
// Given up before that, it has changed nothing on a GPU. Nothing else is transferred meanwhile.
class Upload {
 public:
  Upload(Backend& backend, void* first, size_t bytes)
      : backend_(backend), first_(static_cast<char*>(first)), bytes_(bytes), host_(static_cast<char*>(backend.stage(first, bytes))) {}

  template <class T> T* host(T* view) const { return reinterpret_cast<T*>(host_ + (reinterpret_cast<char*>(view) - first_)); }
  void send() { backend_.upload_staged(first_, bytes_); }

 private:
  Backend& backend_;
  char* first_;
  size_t bytes_;
  char* host_;
};

}  // namespace grus
