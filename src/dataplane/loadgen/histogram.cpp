#include "dataplane/loadgen/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace modelops::loadgen {
namespace {

constexpr int exact_bits = 11;  // values below 2^11 have a slot each
constexpr std::uint64_t half = std::uint64_t{1} << (exact_bits - 1);
constexpr std::uint64_t slot_count = half * (std::bit_width(Histogram::value_max) - exact_bits + 2);

/// By how many bits a value is cut to have 11.
constexpr int shift_of(std::uint64_t value) {
  return std::max(0, static_cast<int>(std::bit_width(value)) - exact_bits);
}

constexpr std::uint64_t slot_of(std::uint64_t value) {
  const int shift = shift_of(value);
  return half * static_cast<std::uint64_t>(shift) + (value >> shift);
}
static_assert(slot_of(Histogram::value_max) == slot_count - 1);

constexpr std::uint64_t largest_of(std::uint64_t slot) {
  if (slot < 2 * half) return slot;
  const std::uint64_t shift = slot / half - 1;
  return ((slot - half * shift + 1) << shift) - 1;
}

}  // namespace

Histogram::Histogram() : slots_(slot_count) {}

void Histogram::add(std::uint64_t value, std::uint64_t times) {
  if (times == 0) return;
  value = std::min(value, value_max);
  slots_[slot_of(value)] += times;
  count_ += times;
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value) * static_cast<double>(times);
}

void Histogram::add(const Histogram& other) {
  for (std::size_t i = 0; i < slots_.size(); ++i) slots_[i] += other.slots_[i];
  count_ += other.count_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

double Histogram::mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

std::uint64_t Histogram::quantile(double fraction) const {
  const auto wanted =
      static_cast<std::uint64_t>(std::ceil(std::clamp(fraction, 0.0, 1.0) * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::uint64_t slot = 0; slot < slots_.size(); ++slot) {
    seen += slots_[slot];
    if (seen >= std::max<std::uint64_t>(wanted, 1)) return std::min(largest_of(slot), max_);
  }
  return 0;
}

}  // namespace modelops::loadgen
