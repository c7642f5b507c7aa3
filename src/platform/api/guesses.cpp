#include "platform/api/guesses.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "platform/http/address.hpp"

namespace modelops::api {
namespace {

void require_left(Time full_at, Time now) {
  const auto beyond = full_at + Guesses::refill - (now + Guesses::most * Guesses::refill);
  if (beyond.count() <= 0) return;
  Error error(ErrorCode::too_many_requests,
              "Too many unknown credentials came from this address. Look which program still uses one that was "
              "revoked or has expired, and wait.");
  error.retry_after_seconds = static_cast<int>(std::chrono::ceil<std::chrono::seconds>(beyond).count());
  throw error;
}

}  // namespace

Time Guesses::full_at(const std::string& client, Time now) const {
  const auto found = full_at_.find(client);
  if (found == full_at_.end()) return now;
  // A clock that was set back must not shut anybody out for long.
  return std::clamp(found->second, now, now + most * refill);
}

void Guesses::require_left(const std::string& remote_address) {
  const Time now = clock_.now();
  std::lock_guard lock(mutex_);
  api::require_left(full_at(http::client_network(remote_address), now), now);
}

void Guesses::take(const std::string& remote_address) {
  const std::string client = http::client_network(remote_address);
  const Time now = clock_.now();
  std::lock_guard lock(mutex_);
  const Time full = full_at(client, now);
  api::require_left(full, now);
  // Whoever commands so many networks is not held up by counting: memory stays bounded.
  if (full_at_.size() >= clients_max) full_at_.clear();
  full_at_.insert_or_assign(client, full + refill);
}

}  // namespace modelops::api
