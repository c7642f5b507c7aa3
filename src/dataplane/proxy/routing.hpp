#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "dataplane/proxy/endpoint.hpp"
#include "dataplane/proxy/rate_limit.hpp"
#include "gateway/wire.hpp"

namespace modelops::proxy {

struct Target {
  gateway::Route route;
  std::shared_ptr<Endpoint> endpoint;
};

struct Caller {
  gateway::Key key;
  std::shared_ptr<RateLimit> limit;
};

struct StringHash : std::hash<std::string_view> {
  using is_transparent = void;
};
template <class T>
using ByName = std::unordered_map<std::string, T, StringHash, std::equal_to<>>;

/// A snapshot, ready for look-ups. Never changes.
class RoutingTable {
 public:
  std::int64_t version = 0;

  /// By the SHA-256 of the token; null when there is none.
  const Caller* find_caller(std::string_view digest) const;
  const Target* find_deployment(std::string_view organization, std::string_view deployment) const;
  /// By one of the names that callers may use; of several deployments the first that is ready.
  const Target* find_model(std::string_view organization, std::string_view model) const;
  /// The names of `organization`'s models in order, without repeats.
  std::vector<std::string_view> models(std::string_view organization) const;
  /// Whether any page may call from a browser, and whether those of this origin may.
  bool allows_browsers() const { return !cors_origins_.empty(); }
  bool allows_origin(std::string_view origin) const { return cors_origins_.contains(origin); }
  std::int64_t issued_at_seconds() const { return issued_at_.us / 1'000'000; }

 private:
  friend class Routing;
  struct Organization {
    ByName<const Target*> deployments;
    ByName<const Target*> models;
  };
  const Organization* find_organization(std::string_view name) const;

  Time issued_at_;
  std::deque<Target> targets_;  // does not move its elements
  ByName<Organization> organizations_;
  ByName<Caller> callers_;
  std::set<std::string, std::less<>> cors_origins_;
};

/// The table in force. Thread-safe. What is known about replicas and buckets outlives a snapshot.
class Routing {
 public:
  explicit Routing(metrics::Registry& registry) : registry_(registry) {}

  void publish(gateway::Snapshot snapshot);
  /// What was counted of each deployment since the last time; none that nobody called. The requests that are under way
  /// or wait now are taken to have been so for the last `elapsed`.
  std::vector<monitoring::DeploymentTraffic> take_traffic(Meter::Duration elapsed);

  /// One thread's access: takes the lock only when there is a new table.
  class View {
   public:
    explicit View(const Routing& routing) : routing_(routing) {}
    /// Null before the first snapshot.
    const std::shared_ptr<const RoutingTable>& table();

   private:
    const Routing& routing_;
    std::uint64_t seen_ = 0;
    std::shared_ptr<const RoutingTable> table_;
  };

 private:
  std::shared_ptr<const RouteMetrics> metrics_of(const gateway::Route& route);

  metrics::Registry& registry_;
  mutable std::mutex mutex_;
  std::atomic<std::uint64_t> changes_{0};
  std::shared_ptr<const RoutingTable> table_;
  // By deployment_id. One that is in no table any more stays until its last request has ended and was reported.
  std::map<std::string, std::shared_ptr<const RouteMetrics>> metrics_;
};

}  // namespace modelops::proxy
