#include "faults.h"

#include <atomic>
#include <map>
#include <mutex>

namespace grus::cuda {
namespace {

struct Faults {
  std::atomic<bool> any{false};
  std::mutex mutex;
  std::map<int, std::string> causes;   // by device
};

Faults& faults() {
  static auto* const all = new Faults();   // never destroyed: work may still end while the process exits
  return *all;
}

}  // namespace

// By number: not every version of the header has all of the names.
bool is_lasting(cudaError_t error) {
  switch (static_cast<int>(error)) {
    case 214:   // ECC
    case 220:   // NVLink
    case 226:   // contained
    case 700:   // illegal address
    case 702:   // launch timeout
    case 709:   // context destroyed
    case 710:   // assert
    case 714:   // hardware stack
    case 715:   // illegal instruction
    case 716:   // misaligned address
    case 717:   // address space
    case 718:   // program counter
    case 719:   // launch failure
    case 721:   // tensor memory leak
    case 810:   // MPS client terminated
    case 911:   // external device
      return true;
    default: return false;
  }
}

void keep_fault(int device, const std::string& cause) {
  std::lock_guard<std::mutex> lock(faults().mutex);
  faults().causes.emplace(device, cause);
  faults().any = true;
}

bool has_fault(int device) { return faults().any && !first_fault(device).empty(); }

std::string first_fault(int device) {
  std::lock_guard<std::mutex> lock(faults().mutex);
  const auto found = faults().causes.find(device);
  return found == faults().causes.end() ? std::string() : found->second;
}

std::string where(int device) { return "[cuda:" + std::to_string(device) + "] "; }

std::string words(cudaError_t error) {
  return std::string(cudaGetErrorName(error)) + " (" + std::to_string(static_cast<int>(error)) + "), " + cudaGetErrorString(error);
}

}  // namespace grus::cuda
