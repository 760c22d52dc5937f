#include "shared_library.h"

#include <dlfcn.h>
#include <link.h>

namespace grus::cuda {
namespace {

SharedLibrary open(const std::string& name, int flags) {
  SharedLibrary library;
  // local: other libraries find it by its name all the same, and its symbols get in nobody's way
  library.handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL | flags);
  if (!library.handle) {
    const char* text = dlerror();
    library.problem = text ? text : "";
    return library;
  }
  link_map* map = nullptr;
  library.path = dlinfo(library.handle, RTLD_DI_LINKMAP, &map) == 0 && map ? map->l_name : name;
  return library;
}

}  // namespace

SharedLibrary open_library(const std::string& path_or_name) { return open(path_or_name, 0); }
SharedLibrary opened_library(const std::string& name) { return open(name, RTLD_NOLOAD); }
void* find_symbol(const SharedLibrary& library, const std::string& symbol) { return dlsym(library.handle, symbol.c_str()); }

}  // namespace grus::cuda
