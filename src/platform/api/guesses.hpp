#pragma once
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/time.hpp"

namespace modelops::api {

/// How often a client may show a credential that names nobody: 50 times, and once more every ten seconds. Tokens are
/// too long to be guessed; this keeps whoever tries from taking the database's time. Clients are told apart by their
/// network (http::client_network), so that an IPv6 host is one. `clients_max` of them are remembered, those that were
/// silent the longest are forgotten first. Thread-safe.
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
  struct Client {
    std::string network;
    Time full_at;  ///< when it has all of its guesses again
  };

  // Both are called with the lock held.
  /// Null: it has all of its guesses. Whoever is found is forgotten last.
  Client* find(const std::string& network);
  /// At the latest `most` refills from now; throws when none are left.
  static Time full_at(const Client* client, Time now);

  const Clock& clock_;
  std::mutex mutex_;
  std::list<Client> clients_;  // the last one has been silent for the longest
  std::unordered_map<std::string, std::list<Client>::iterator> by_network_;
};

}  // namespace modelops::api
