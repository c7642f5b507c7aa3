#pragma once
#include "registry/analysis/ports.hpp"

namespace modelops::formats {

/// Takes ZIP, tar and tar.gz files apart with libarchive. What is no plain file or folder (links, devices, encrypted
/// entries), a path that leaves the folder or comes twice, and what unpacks to far more than it takes is refused.
/// Thread-safe.
class Unpacker final : public registry::Unpacker {
 public:
  void unpack(const storage::BlobReader& archive, const Limits& limits, Target& target) override;
};

}  // namespace modelops::formats
