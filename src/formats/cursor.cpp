#include "formats/cursor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/error.hpp"
#include "base/text.hpp"

namespace modelops::formats {
namespace {
constexpr std::size_t window_bytes = 64 * 1024;
}

void fail_malformed(std::string_view file_name, std::uint64_t byte, std::string_view what) {
  fail(ErrorCode::unprocessable, fmt::format("'{}' is malformed at byte {}: {}.", display_text(file_name), byte, what));
}

Cursor::Cursor(const RandomAccess& source, std::string_view file_name)
    : source_(source), name_(file_name), size_(source.size()) {}

void Cursor::malformed_at(std::uint64_t byte, std::string_view what) const { fail_malformed(name_, byte, what); }

void Cursor::need(std::uint64_t count) const {
  if (count > remaining())
    malformed(fmt::format("the file ends early, {} more bytes are announced and {} are left", count, remaining()));
}

void Cursor::read(std::span<char> out) {
  const bool inside = position_ >= window_start_ && position_ - window_start_ <= window_.size() &&
                      out.size() <= window_.size() - (position_ - window_start_);
  if (!inside && out.size() >= window_bytes) {
    source_.read_at(position_, out);
  } else {
    if (!inside) {
      window_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(window_bytes, remaining())));
      window_start_ = position_;
      source_.read_at(position_, window_);
    }
    std::copy_n(window_.data() + (position_ - window_start_), out.size(), out.data());
  }
  position_ += out.size();
}

std::uint8_t Cursor::u8() { return static_cast<std::uint8_t>(number(1)); }

std::uint64_t Cursor::number(unsigned count) {
  need(count);
  char raw[8] = {};
  read({raw, count});
  std::uint64_t value = 0;
  std::memcpy(&value, raw, sizeof value);  // x86-64 and arm64 are little-endian, as every format read here
  return value;
}

std::string Cursor::bytes(std::uint64_t count, std::uint64_t count_max) {
  if (count > count_max)
    malformed(fmt::format("{} bytes of text are announced, at most {} are allowed", count, count_max));
  need(count);
  std::string text(static_cast<std::size_t>(count), '\0');
  read(text);
  return text;
}

std::string Cursor::line(std::size_t count_max) {
  const std::uint64_t start = position_;
  std::string text;
  while (true) {
    const char c = static_cast<char>(u8());
    if (c == '\n') return text;
    if (text.size() == count_max) malformed_at(start, fmt::format("a line is longer than {} bytes", count_max));
    text += c;
  }
}

void Cursor::skip(std::uint64_t count) {
  need(count);
  position_ += count;
}

void Cursor::seek(std::uint64_t position) {
  if (position > size_) malformed(fmt::format("it refers to byte {}, the file has {}", position, size_));
  position_ = position;
}

bool count_tensor(std::vector<DtypeCount>& histogram, std::string_view dtype, std::uint64_t elements) {
  constexpr std::uint64_t elements_max = std::numeric_limits<std::int64_t>::max();
  if (elements > elements_max || total_elements(histogram) > elements_max - elements) return false;
  auto entry = std::find_if(histogram.begin(), histogram.end(), [&](const auto& e) { return e.dtype == dtype; });
  if (entry == histogram.end()) entry = histogram.insert(histogram.end(), {std::string(dtype), 0, 0});
  ++entry->tensors;
  entry->elements += elements;
  return true;
}

std::uint64_t total_elements(const std::vector<DtypeCount>& histogram) {
  std::uint64_t sum = 0;
  for (const auto& entry : histogram) sum += entry.elements;
  return sum;
}

}  // namespace modelops::formats
