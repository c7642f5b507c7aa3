#pragma once
// The leaf of one audit record, format version 1. FROZEN: what is in a tree can never be encoded anew. A change
// is a new version beside this one. Test vectors in leaf_test.cpp.
//
//   1 byte     version, 0x01
//   2 + n      length (big-endian), then the record id
//   2 + n      length (big-endian), then the organisation id
//   8 bytes    time, microseconds since 1970 UTC, big-endian
//   32 bytes   payload_hash
//   1 + 0|32   0x00: the record has no personal fields; 0x01: personal_hash follows
//
// Both hashes are SHA-256(salt of 32 bytes || bytes). The salts are stored and erased together with what they
// salt: without them, guessing what was erased cannot be checked against the leaf.
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace modelops::audit {

struct Leaf {
  std::string record_id;
  std::string organisation;  ///< its id
  Time time;
  std::string payload_hash;                  ///< `salted_hash` of the record without its personal fields
  std::optional<std::string> personal_hash;  ///< `salted_hash` of the personal fields, if it has any
  bool operator==(const Leaf&) const = default;
};

/// 32 random bytes.
std::string make_salt();
/// SHA-256(salt || bytes), 32 bytes. Throws `internal` unless `salt` has 32 bytes.
std::string salted_hash(std::string_view salt, std::string_view bytes);

/// The canonical bytes. Throws `internal` when a field has a length that the format does not allow.
std::string encode_leaf(const Leaf& leaf);
/// Nothing unless `bytes` is exactly what `encode_leaf` writes.
std::optional<Leaf> decode_leaf(std::string_view bytes);

}  // namespace modelops::audit
