#include "dataplane/agent/supervisor.hpp"

#include <thread>

#include "dataplane/machine/backoff.hpp"

namespace modelops::agent {
namespace {

constexpr std::chrono::milliseconds tick_interval{100};

/// What a person or a gateway wants to know at once; memory and processor time can wait.
bool same_state(const targets::ObservedReplica& a, const targets::ObservedReplica& b) {
  return a.replica_id == b.replica_id && a.state == b.state && a.reason == b.reason && a.message == b.message &&
         a.address == b.address && a.pid == b.pid && a.progress == b.progress && a.restarts == b.restarts;
}

}  // namespace

Supervisor::Supervisor(Host& host) : host_(host) {
  host_.limited_engines = [this] {
    std::vector<pid_t> out;
    for (const auto& [id, replica] : replicas_) {
      if (const auto pid = replica.limited_engine()) out.push_back(*pid);
    }
    return out;
  };
  std::filesystem::create_directories(host_.replicas);
  for (const auto& entry : std::filesystem::directory_iterator(host_.replicas)) {
    const std::string id = entry.path().filename().string();
    Replica replica(host_, id);
    replica.adopt();
    if (replica.has_engine()) replicas_.emplace(id, std::move(replica));
  }
  publish();
}

void Supervisor::apply(targets::DesiredState desired) {
  std::lock_guard lock(mutex_);
  inbox_ = std::move(desired);
  wake_.notify_all();
}

Supervisor::Snapshot Supervisor::snapshot() const {
  std::lock_guard lock(mutex_);
  return published_;
}

void Supervisor::wait_for_change(std::uint64_t seen, std::chrono::milliseconds longest, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, longest, [&] { return published_.version != seen; });
}

void Supervisor::forget(const std::vector<std::string>& ids) {
  std::lock_guard lock(mutex_);
  forgotten_.insert(ids.begin(), ids.end());
}

void Supervisor::take_desired() {
  std::optional<targets::DesiredState> desired;
  std::set<std::string> forgotten;
  {
    std::lock_guard lock(mutex_);
    desired = std::exchange(inbox_, std::nullopt);
    forgotten = std::exchange(forgotten_, {});
  }
  std::erase_if(replicas_,
                [&](const auto& entry) { return forgotten.contains(entry.first) && entry.second.is_gone(); });
  if (!desired) return;
  told_ = true;
  generation_ = desired->generation;
  std::set<std::string> wanted;
  for (const targets::DesiredReplica& replica : desired->replicas) {
    wanted.insert(replica.replica_id);
    replicas_.try_emplace(replica.replica_id, host_, replica.replica_id).first->second.want(replica);
  }
  for (auto& [id, replica] : replicas_) {
    if (!wanted.contains(id)) replica.unwant();
  }
}

void Supervisor::tick(Instant now) {
  std::set<std::string> digests;
  for (auto& [id, replica] : replicas_) {
    replica.tick(now);
    replica.add_artifacts(digests);
  }
  if (told_ && digests != retained_) {
    host_.artifacts.retain(digests);
    retained_ = std::move(digests);
  }
}

void Supervisor::publish() {
  Snapshot next;
  next.generation = generation_;
  next.told = told_;
  for (const auto& [id, replica] : replicas_) {
    next.replicas.push_back(replica.observed());
    if (!replica.is_gone()) next.living.insert(id);
  }
  std::lock_guard lock(mutex_);
  const bool same = next.generation == published_.generation && next.living == published_.living &&
                    std::ranges::equal(next.replicas, published_.replicas, same_state);
  next.version = published_.version + (same ? 0 : 1);
  published_ = std::move(next);
  if (!same) changed_.notify_all();
}

void Supervisor::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    take_desired();
    publish();  // before a replica makes its folder, so that nobody takes that for a finished one's
    tick(std::chrono::steady_clock::now());
    publish();
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, tick_interval, [&] { return inbox_.has_value(); });
  }
}

void Supervisor::end_all() {
  apply({});
  const auto has_engine = [](const auto& entry) { return entry.second.has_engine(); };
  do {
    take_desired();
    tick(std::chrono::steady_clock::now());
    publish();
    machine::wait_for({}, tick_interval);
  } while (std::ranges::any_of(replicas_, has_engine));
}

}  // namespace modelops::agent
