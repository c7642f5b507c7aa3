#pragma once
// The replicas of one deployment, shared by all threads: who gets the next request, and who waits.
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "dataplane/proxy/route_metrics.hpp"
#include "gateway/wire.hpp"

namespace modelops::proxy {

using SteadyTime = std::chrono::steady_clock::time_point;

struct Replica {
  Replica(std::string replica_id, std::string replica_address)
      : id(std::move(replica_id)), address(std::move(replica_address)) {}
  const std::string id;
  const std::string address;  ///< "127.0.0.1:41234"

 private:
  friend class Endpoint;
  // Guarded by the endpoint's mutex.
  std::int64_t outstanding_ = 0;
  int failures_ = 0;  // in a row
  SteadyTime ejected_until_{};
};

/// Thread-safe. Least outstanding requests first; a replica that fails is left alone for a moment, unless all do.
class Endpoint {
 public:
  /// A request that wants a replica. Owned by who asks, who calls `abandon` before it goes.
  struct Wish {
    std::vector<const Replica*> tried;  ///< not these
    std::function<void()> wake;         ///< called once when a queued wish is decided; under a lock: quick, no throw

   private:
    friend class Endpoint;
    // Guarded by the endpoint's mutex.
    std::shared_ptr<Replica> granted_;
    bool queued_ = false;
  };
  enum class Turn {
    granted,
    waiting,
    queue_full,
    no_replica,  ///< none is ready, or all were tried
  };

  explicit Endpoint(std::shared_ptr<const RouteMetrics> metrics) : metrics_(std::move(metrics)) {}

  /// Takes the replicas and limits of a new snapshot; what is known about replicas that stay is kept.
  void update(const gateway::Route& route);

  /// Grants a replica, or puts the wish at the end of the queue.
  Turn request(Wish& wish);
  /// How a queued wish stands now.
  Turn turn(Wish& wish);
  /// The granted replica. It counts as used until `release`.
  std::shared_ptr<Replica> claim(Wish& wish);
  /// Takes a wish back, with what it may have been granted meanwhile.
  void abandon(Wish& wish);

  enum class Result { served, failed, unknown };
  /// Frees the place on a replica. A failure ejects it for half a second, doubled with each further one to 30 s.
  void release(const std::shared_ptr<Replica>& replica, Result result);

  const RouteMetrics& metrics() const { return *metrics_; }

 private:
  Turn pick(Wish& wish);
  void serve_queue();

  const std::shared_ptr<const RouteMetrics> metrics_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Replica>> replicas_;
  std::int64_t concurrency_max_ = 1;
  std::size_t queue_max_ = 0;
  std::size_t next_ = 0;  // where the search begins, so that equals take turns
  std::deque<Wish*> queue_;
};

/// A place on a replica.
class Slot {
 public:
  Slot(std::shared_ptr<Endpoint> endpoint, std::shared_ptr<Replica> replica)
      : endpoint_(std::move(endpoint)), replica_(std::move(replica)) {}
  Slot(Slot&&) = default;
  Slot& operator=(Slot&&) = delete;
  ~Slot() {
    if (replica_) endpoint_->release(replica_, result_);
  }
  const Replica& replica() const { return *replica_; }
  std::shared_ptr<const Replica> replica_pointer() const { return replica_; }
  void note(Endpoint::Result result) { result_ = result; }

 private:
  std::shared_ptr<Endpoint> endpoint_;
  std::shared_ptr<Replica> replica_;
  Endpoint::Result result_ = Endpoint::Result::unknown;
};

}  // namespace modelops::proxy
