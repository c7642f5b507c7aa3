#include "platform/api/guesses.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "platform/http/address.hpp"

namespace modelops::api {

Guesses::Client* Guesses::find(const std::string& network) {
  const auto found = by_network_.find(network);
  if (found == by_network_.end()) return nullptr;
  clients_.splice(clients_.begin(), clients_, found->second);
  return &clients_.front();
}

Time Guesses::full_at(const Client* client, Time now) {
  // A clock that was set back must not shut anybody out for long.
  const Time full = client == nullptr ? now : std::clamp(client->full_at, now, now + most * refill);
  const auto beyond = full + refill - (now + most * refill);
  if (beyond.count() <= 0) return full;
  Error error(ErrorCode::too_many_requests,
              "Too many unknown credentials came from this address. Look which program still uses one that was "
              "revoked or has expired, and wait.");
  error.retry_after_seconds = static_cast<int>(std::chrono::ceil<std::chrono::seconds>(beyond).count());
  throw error;
}

void Guesses::require_left(const std::string& remote_address) {
  const std::string network = http::client_network(remote_address);
  const Time now = clock_.now();
  std::lock_guard lock(mutex_);
  full_at(find(network), now);
}

void Guesses::take(const std::string& remote_address) {
  const std::string network = http::client_network(remote_address);
  const Time now = clock_.now();
  std::lock_guard lock(mutex_);
  Client* client = find(network);
  const Time full = full_at(client, now);
  if (client == nullptr) {
    if (clients_.size() >= clients_max) {
      by_network_.erase(clients_.back().network);
      clients_.pop_back();
    }
    client = &clients_.emplace_front(network);
    by_network_.emplace(network, clients_.begin());
  }
  client->full_at = full + refill;
}

}  // namespace modelops::api
