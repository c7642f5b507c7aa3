// The libFuzzer entry of one reader; CMake compiles it once for each, with MODELOPS_FUZZ_ENTRY naming the reader.
#include <cstddef>
#include <cstdint>

#include "readers.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  modelops::fuzz::MODELOPS_FUZZ_ENTRY({reinterpret_cast<const char*>(data), size});
  return 0;
}
