#pragma once
#include <filesystem>

#include "targets/wire.hpp"

namespace modelops::agent {

/// What this machine is now. `engines` has a folder per engine with a folder per version in it:
/// <engines>/onnxruntime/1.22.0; `memory_reserve_bytes` are kept from engines.
targets::Inventory take_inventory(const std::filesystem::path& state, const std::filesystem::path& engines,
                                  std::int64_t memory_reserve_bytes, const std::string& name);

}  // namespace modelops::agent
