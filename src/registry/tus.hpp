#pragma once
// What the tus 1.0.0 protocol (https://tus.io/protocols/resumable-upload) says in headers, as values. Pure: every
// function throws Error(invalid) that names the header and says what it must be.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace modelops::registry::tus {

inline constexpr std::string_view version = "1.0.0";
inline constexpr std::string_view extensions =
    "creation,creation-defer-length,creation-with-upload,expiration,checksum,termination,concatenation";
inline constexpr std::string_view checksum_algorithms = "sha1,sha256";
inline constexpr std::string_view content_type = "application/offset+octet-stream";

inline constexpr std::size_t metadata_bytes_max = 8192;
inline constexpr std::size_t metadata_pairs_max = 32;
inline constexpr std::size_t parts_max = 1000;  ///< of a concatenation

/// Keys and decoded values, in their order; no key comes twice.
using Metadata = std::vector<std::pair<std::string, std::string>>;
/// Upload-Metadata: "key base64,key base64,key".
Metadata parse_metadata(std::string_view header);
/// The value of a key; nothing when it is not given.
std::optional<std::string_view> find(const Metadata& metadata, std::string_view key);

/// Upload-Length, Upload-Offset: bytes, at most 2^62. `name` is the header's, for the message.
std::int64_t parse_bytes(std::string_view name, std::string_view header);

struct Checksum {
  bool sha1 = false;   ///< else SHA-256
  std::string digest;  ///< 20 or 32 bytes
};
/// Upload-Checksum: "sha256 base64".
Checksum parse_checksum(std::string_view header);

/// Upload-Concat: "partial", or "final;" and the addresses of the partial uploads.
struct Concatenation {
  std::vector<std::string> parts;  ///< the last segment of each address; empty: it is a partial upload
};
Concatenation parse_concatenation(std::string_view header);

}  // namespace modelops::registry::tus
