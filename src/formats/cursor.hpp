#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "formats/source.hpp"

namespace modelops::formats {

/// Reads a source from front to back through a small window. Every read is checked against the end first, so a
/// hostile length never becomes an allocation. Numbers are little-endian. The source must outlive the cursor.
class Cursor {
 public:
  Cursor(const RandomAccess& source, std::string_view file_name);

  std::uint64_t position() const { return position_; }
  std::uint64_t size() const { return size_; }
  std::uint64_t remaining() const { return size_ - position_; }
  bool at_end() const { return position_ == size_; }

  std::uint8_t u8();
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }
  /// `count` bytes; more than `count_max` is malformed.
  std::string bytes(std::uint64_t count, std::uint64_t count_max);
  /// Up to and without the next '\n', which is consumed; more than `count_max` bytes is malformed.
  std::string line(std::size_t count_max);
  void skip(std::uint64_t count);
  void seek(std::uint64_t position);

  /// Throws Error(unprocessable): "'model.gguf' is malformed at byte 24: <what>."
  [[noreturn]] void malformed(std::string_view what) const { malformed_at(position_, what); }
  [[noreturn]] void malformed_at(std::uint64_t byte, std::string_view what) const;
  const std::string& file_name() const { return name_; }

 private:
  std::uint64_t number(unsigned bytes);
  void need(std::uint64_t count) const;
  void read(std::span<char> out);

  const RandomAccess& source_;
  std::string name_;
  std::uint64_t size_;
  std::uint64_t position_ = 0;
  std::vector<char> window_;
  std::uint64_t window_start_ = 0;
};

/// The Error that every reader throws: "'<file>' is malformed at byte <byte>: <what>."
[[noreturn]] void fail_malformed(std::string_view file_name, std::uint64_t byte, std::string_view what);

/// a * b into `product`; false on overflow.
inline bool multiply(std::uint64_t a, std::uint64_t b, std::uint64_t& product) {
  return !__builtin_mul_overflow(a, b, &product);
}
inline bool add(std::uint64_t a, std::uint64_t b, std::uint64_t& sum) { return !__builtin_add_overflow(a, b, &sum); }

/// Elements of one data type in a file: what its dtype histogram consists of.
struct DtypeCount {
  std::string dtype;
  std::uint64_t tensors = 0;
  std::uint64_t elements = 0;
};
/// Adds one tensor to the histogram; false when the sum overflows int64, which no real model reaches.
bool count_tensor(std::vector<DtypeCount>& histogram, std::string_view dtype, std::uint64_t elements);
std::uint64_t total_elements(const std::vector<DtypeCount>& histogram);

}  // namespace modelops::formats
