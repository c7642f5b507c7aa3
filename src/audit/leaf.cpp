#include "audit/leaf.hpp"

#include "base/error.hpp"
#include "base/id.hpp"
#include "platform/crypto/hash.hpp"

namespace modelops::audit {
namespace {

constexpr std::size_t hash_bytes = 32;

void put_text(std::string& to, std::string_view text) {
  if (text.empty() || text.size() > 0xffff)
    fail(ErrorCode::internal, "an audit record cannot be encoded", "bad length of an id");
  to += static_cast<char>(text.size() >> 8);
  to += static_cast<char>(text.size() & 0xff);
  to += text;
}

void put_hash(std::string& to, std::string_view hash) {
  if (hash.size() != hash_bytes) fail(ErrorCode::internal, "an audit record cannot be encoded", "bad length of a hash");
  to += hash;
}

/// Takes fields off the front of `rest`; after a field that is not there, `ok` is false and all are empty.
struct Reader {
  std::string_view rest;
  bool ok = true;

  std::string_view take(std::size_t count) {
    if (!ok || rest.size() < count) {
      ok = false;
      return {};
    }
    const std::string_view taken = rest.substr(0, count);
    rest.remove_prefix(count);
    return taken;
  }
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t value = 0;
    for (const char c : take(bytes)) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
  std::string text() {
    const std::size_t size = number(2);
    if (size == 0) ok = false;
    return std::string(take(size));
  }
};

}  // namespace

std::string make_salt() { return random_bytes(32); }

std::string salted_hash(std::string_view salt, std::string_view bytes) {
  if (salt.size() != 32) fail(ErrorCode::internal, "an audit record cannot be encoded", "bad length of a salt");
  crypto::Sha256 hash;
  hash.update(salt);
  hash.update(bytes);
  return hash.finish();
}

std::string encode_leaf(const Leaf& leaf) {
  std::string bytes("\1");
  put_text(bytes, leaf.record_id);
  put_text(bytes, leaf.organisation);
  bytes += crypto::big_endian(static_cast<std::uint64_t>(leaf.time.us));
  put_hash(bytes, leaf.payload_hash);
  bytes += leaf.personal_hash ? '\1' : '\0';
  if (leaf.personal_hash) put_hash(bytes, *leaf.personal_hash);
  return bytes;
}

std::optional<Leaf> decode_leaf(std::string_view bytes) {
  Reader reader{bytes};
  if (reader.number(1) != 1) return std::nullopt;
  Leaf leaf;
  leaf.record_id = reader.text();
  leaf.organisation = reader.text();
  leaf.time.us = static_cast<std::int64_t>(reader.number(8));
  leaf.payload_hash = reader.take(hash_bytes);
  const std::uint64_t personal = reader.number(1);
  if (personal > 1) return std::nullopt;
  if (personal == 1) leaf.personal_hash = reader.take(hash_bytes);
  if (!reader.ok || !reader.rest.empty()) return std::nullopt;
  return leaf;
}

}  // namespace modelops::audit
