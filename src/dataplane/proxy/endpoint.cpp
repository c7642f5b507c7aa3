#include "dataplane/proxy/endpoint.hpp"

#include <algorithm>

namespace modelops::proxy {
namespace {

constexpr std::chrono::milliseconds ejection_first{500};
constexpr std::chrono::milliseconds ejection_longest{30'000};

}  // namespace

void Endpoint::update(const gateway::Route& route) {
  std::lock_guard lock(mutex_);
  concurrency_max_ = std::max<std::int64_t>(route.concurrency_max, 1);
  queue_max_ = static_cast<std::size_t>(std::max<std::int64_t>(route.queue_max, 0));
  std::vector<std::shared_ptr<Replica>> replicas;
  for (const gateway::Replica& told : route.replicas) {
    const auto known = std::ranges::find_if(
        replicas_, [&](const auto& replica) { return replica->id == told.id && replica->address == told.address; });
    replicas.push_back(known != replicas_.end() ? *known : std::make_shared<Replica>(told.id, told.address));
  }
  replicas_ = std::move(replicas);
  serve_queue();
}

Endpoint::Turn Endpoint::pick(Wish& wish) {
  const auto now = std::chrono::steady_clock::now();
  bool any_healthy = false, any_ejected = false;
  std::shared_ptr<Replica>* best = nullptr;
  std::shared_ptr<Replica>* best_ejected = nullptr;
  const auto consider = [&](std::shared_ptr<Replica>*& leader, std::shared_ptr<Replica>& replica) {
    if (replica->outstanding_ >= concurrency_max_) return;
    if (leader == nullptr || replica->outstanding_ < (*leader)->outstanding_) leader = &replica;
  };
  ++next_;
  for (std::size_t i = 0; i < replicas_.size(); ++i) {
    std::shared_ptr<Replica>& replica = replicas_[(next_ + i) % replicas_.size()];
    if (std::ranges::find(wish.tried, replica.get()) != wish.tried.end()) continue;
    if (now < replica->ejected_until_) {
      any_ejected = true;
      consider(best_ejected, replica);
    } else {
      any_healthy = true;
      consider(best, replica);
    }
  }
  if (!any_healthy) best = best_ejected;
  if (best == nullptr) return any_healthy || any_ejected ? Turn::waiting : Turn::no_replica;
  ++(*best)->outstanding_;
  wish.granted_ = *best;
  return Turn::granted;
}

Endpoint::Turn Endpoint::request(Wish& wish) {
  std::lock_guard lock(mutex_);
  // Who waits already comes first.
  const Turn turn = queue_.empty() || replicas_.empty() ? pick(wish) : Turn::waiting;
  if (turn != Turn::waiting) return turn;
  if (queue_.size() >= queue_max_) return Turn::queue_full;
  queue_.push_back(&wish);
  wish.queued_ = true;
  metrics_->queued.set(static_cast<double>(queue_.size()));
  return Turn::waiting;
}

Endpoint::Turn Endpoint::turn(Wish& wish) {
  std::lock_guard lock(mutex_);
  if (wish.queued_) return Turn::waiting;
  return wish.granted_ ? Turn::granted : Turn::no_replica;
}

std::shared_ptr<Replica> Endpoint::claim(Wish& wish) {
  // No lock: a wish that was decided is in no queue.
  return std::exchange(wish.granted_, nullptr);
}

void Endpoint::abandon(Wish& wish) {
  std::lock_guard lock(mutex_);
  if (wish.queued_) {
    std::erase(queue_, &wish);
    wish.queued_ = false;
    metrics_->queued.set(static_cast<double>(queue_.size()));
  }
  if (wish.granted_) --std::exchange(wish.granted_, nullptr)->outstanding_;
  // What it stood before, or held, may be somebody else's now.
  serve_queue();
}

void Endpoint::release(const std::shared_ptr<Replica>& replica, Result result) {
  std::lock_guard lock(mutex_);
  --replica->outstanding_;
  if (result == Result::served) {
    replica->failures_ = 0;
    replica->ejected_until_ = {};
  } else if (result == Result::failed) {
    const auto pause = ejection_first * (1 << std::min(replica->failures_++, 6));
    replica->ejected_until_ = std::chrono::steady_clock::now() + std::min(pause, ejection_longest);
  }
  serve_queue();
}

/// Decides about queued wishes from the front on, as far as that is possible.
void Endpoint::serve_queue() {
  if (queue_.empty()) return;
  while (!queue_.empty()) {
    Wish& wish = *queue_.front();
    if (pick(wish) == Turn::waiting) break;
    wish.queued_ = false;
    queue_.pop_front();
    wish.wake();
  }
  metrics_->queued.set(static_cast<double>(queue_.size()));
}

}  // namespace modelops::proxy
