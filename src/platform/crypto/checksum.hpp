#pragma once
#include <memory>
#include <string>
#include <string_view>

namespace modelops::crypto {

enum class ChecksumAlgorithm { sha1, sha256 };

/// What a protocol checks a transmission with, in pieces. Against damage only: SHA-1 no longer tells contents apart
/// that somebody made to be alike. Not thread-safe.
class Checksum {
 public:
  explicit Checksum(ChecksumAlgorithm algorithm);
  ~Checksum();
  Checksum(const Checksum&) = delete;

  void update(std::string_view bytes);
  std::string finish();  ///< the digest's bytes; nothing may follow

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace modelops::crypto
