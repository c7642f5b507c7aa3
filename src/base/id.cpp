#include "base/id.hpp"

#include <sys/random.h>

#include <cerrno>
#include <mutex>

#include "base/error.hpp"
#include "base/text.hpp"

namespace modelops {

std::string random_bytes(std::size_t count) {
  std::string out(count, '\0');
  for (std::size_t at = 0; at < count;) {
    const ssize_t got = getrandom(out.data() + at, count - at, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) fail(ErrorCode::internal, "no randomness", "getrandom failed");
    at += static_cast<std::size_t>(got);
  }
  return out;
}

std::string new_uuid7() {
  // 48 bits of milliseconds, 12 bits that count within one millisecond, 62 random bits.
  static std::mutex mutex;
  static std::int64_t last = 0;
  std::int64_t stamp = 0;
  {
    std::lock_guard lock(mutex);
    const std::int64_t now_us = SystemClock().now().us;
    stamp = (now_us / 1000) << 12 | (now_us % 1000) << 2;
    if (stamp <= last) stamp = last + 1;
    last = stamp;
  }
  std::string bytes = random_bytes(16);
  const std::int64_t ms = stamp >> 12;
  for (int i = 0; i < 6; ++i) bytes[i] = static_cast<char>(ms >> (40 - 8 * i) & 0xff);
  bytes[6] = static_cast<char>(0x70 | (stamp >> 8 & 0x0f));
  bytes[7] = static_cast<char>(stamp & 0xff);
  bytes[8] = static_cast<char>(0x80 | (bytes[8] & 0x3f));
  return to_hex(bytes);
}

bool is_uuid7(std::string_view text) {
  return text.size() == 32 && text[12] == '7' && from_hex(text).has_value() &&
         (text[16] == '8' || text[16] == '9' || text[16] == 'a' || text[16] == 'b');
}

}  // namespace modelops
