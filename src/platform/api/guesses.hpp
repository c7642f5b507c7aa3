#pragma once
#include <map>
#include <mutex>
#include <string>

#include "base/time.hpp"

namespace modelops::api {

/// How often a client may show a credential that names nobody: 50 times, and once more every ten seconds. Tokens are
/// too long to be guessed; this keeps whoever tries from taking the database's time. Clients are told apart by their
/// network (http::client_network), so that an IPv6 host is one. Thread-safe.
class Guesses {
 public:
  static constexpr int most = 50;
  static constexpr std::chrono::seconds refill{10};
  static constexpr std::size_t clients_max = 10'000;

  explicit Guesses(const Clock& clock) : clock_(clock) {}

  /// Throws too_many_requests, with how long to wait, when none are left.
  void require_left(const std::string& remote_address);
  /// Takes one, or throws as `require_left` does.
  void take(const std::string& remote_address);

 private:
  /// Locks nothing. When the client has all of its guesses again, at the latest `most` refills from now.
  Time full_at(const std::string& client, Time now) const;

  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Time> full_at_;  // none: it has all of them
};

}  // namespace modelops::api
