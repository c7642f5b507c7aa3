#include "registry/tus.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/text.hpp"

namespace modelops::registry::tus {
namespace {

[[noreturn]] void refuse(std::string_view header, std::string_view says) {
  throw Error(ErrorCode::invalid, fmt::format("{} {}.", header, says), {},
              {{fmt::format("/{}", header), std::string(says)}});
}

bool is_key(std::string_view key) {
  return !key.empty() && key.size() <= 64 &&
         std::ranges::all_of(key, [](char c) { return c > 0x20 && c < 0x7f && c != ','; });
}

}  // namespace

Metadata parse_metadata(std::string_view header) {
  constexpr std::string_view name = "Upload-Metadata";
  if (header.size() > metadata_bytes_max) refuse(name, fmt::format("must have at most {} bytes", metadata_bytes_max));
  Metadata out;
  if (trim(header).empty()) return out;
  for (std::string_view pair : split(header, ',')) {
    pair = trim(pair);
    const std::size_t space = pair.find(' ');
    const std::string_view key = pair.substr(0, space);
    const std::string_view coded = space == pair.npos ? std::string_view() : pair.substr(space + 1);
    if (!is_key(key)) refuse(name, "must be pairs 'key base64' with commas between them; each key has 1 to 64 letters");
    const auto value = from_base64(coded);
    if (!value || !is_utf8(*value) || value->find('\0') != std::string::npos)
      refuse(name, fmt::format("must give the value of '{}' as base64 of UTF-8 text", key));
    if (find(out, key)) refuse(name, fmt::format("must give '{}' once only", key));
    if (out.size() == metadata_pairs_max) refuse(name, fmt::format("must have at most {} pairs", metadata_pairs_max));
    out.emplace_back(key, *value);
  }
  return out;
}

std::optional<std::string_view> find(const Metadata& metadata, std::string_view key) {
  for (const auto& [name, value] : metadata)
    if (name == key) return value;
  return std::nullopt;
}

std::int64_t parse_bytes(std::string_view name, std::string_view header) {
  const auto count = parse_count(header);
  if (!count || *count > (std::int64_t{1} << 62)) refuse(name, "must be a number of bytes, as decimal digits");
  return *count;
}

Checksum parse_checksum(std::string_view header) {
  constexpr std::string_view name = "Upload-Checksum";
  const std::size_t space = header.find(' ');
  const std::string_view algorithm = header.substr(0, space);
  if (algorithm != "sha1" && algorithm != "sha256") refuse(name, "must begin with sha1 or sha256");
  Checksum out{algorithm == "sha1", {}};
  auto digest = from_base64(space == header.npos ? std::string_view() : header.substr(space + 1));
  if (!digest || digest->size() != (out.sha1 ? 20U : 32U))
    refuse(name, "must be the algorithm, a space, and the digest as base64");
  out.digest = std::move(*digest);
  return out;
}

Concatenation parse_concatenation(std::string_view header) {
  constexpr std::string_view name = "Upload-Concat";
  Concatenation out;
  if (header == "partial") return out;
  if (!header.starts_with("final;")) refuse(name, "must be 'partial', or 'final;' and the partial uploads");
  for (const std::string_view address : split(header.substr(6), ' ')) {
    if (address.empty()) continue;
    const std::string_view last = address.substr(address.rfind('/') + 1);
    if (last.empty() || last.size() > 64 || !is_utf8(last))
      refuse(name, "must name partial uploads by their addresses");
    if (out.parts.size() == parts_max) refuse(name, fmt::format("must name at most {} partial uploads", parts_max));
    out.parts.emplace_back(last);
  }
  if (out.parts.empty()) refuse(name, "must name at least one partial upload after 'final;'");
  return out;
}

}  // namespace modelops::registry::tus
