#include "dataplane/proxy/snapshot_feed.hpp"

#include <unistd.h>

#include "base/log.hpp"
#include "dataplane/machine/backoff.hpp"
#include "dataplane/machine/files.hpp"
#include "platform/crypto/token.hpp"
#include "reflect/json.hpp"

namespace modelops::proxy {
namespace {

constexpr std::size_t snapshot_bytes_max = 256 << 20;
constexpr int snapshot_protocol = 1;

std::filesystem::path identity_file(const std::filesystem::path& state) { return state / "identity.json"; }
std::filesystem::path snapshot_file(const std::filesystem::path& state) { return state / "snapshot.json"; }

gateway::Snapshot parse_snapshot(const std::string& text) {
  gateway::Snapshot snapshot = reflect::from_stored_json<gateway::Snapshot>(text);
  if (snapshot.protocol != snapshot_protocol) {
    fail(ErrorCode::invalid, fmt::format("The routing snapshot has version {} of its protocol; this gateway speaks {}: "
                                         "upgrade the older of server and gateway.",
                                         snapshot.protocol, snapshot_protocol));
  }
  return snapshot;
}

targets::Inventory inventory() {
  targets::Inventory out;
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  out.hostname = name;
  return out;
}

}  // namespace

std::optional<gateway::Snapshot> load_snapshot(const std::filesystem::path& file) {
  const auto text = machine::read_file(file, snapshot_bytes_max);
  if (!text) return std::nullopt;
  return parse_snapshot(*text);
}

SnapshotFeed::SnapshotFeed(Options options, const Clock& clock, Publish publish,
                           std::function<void(std::string)> finished)
    : options_(std::move(options)), clock_(clock), publish_(std::move(publish)), finished_(std::move(finished)) {
  std::filesystem::create_directories(options_.state);
  std::filesystem::permissions(options_.state, std::filesystem::perms::owner_all);
  if (auto identity = machine::load_identity(identity_file(options_.state))) {
    const bool new_token = !options_.token.empty() && crypto::token_digest(options_.token) != identity->token_digest;
    if (!options_.server.empty()) identity->server_url = options_.server;
    while (identity->server_url.ends_with('/')) identity->server_url.pop_back();
    if (!new_token) {
      session_ = std::make_shared<machine::Session>(std::move(*identity), identity_file(options_.state),
                                                    options_.version, clock_);
    }
  }
  if (!session_ && (options_.token.empty() || options_.server.empty())) {
    fail(ErrorCode::invalid,
         "This gateway is not enrolled: make an enrollment token for it, and give --server and "
         "the token (--token, or MODELOPS_ENROLLMENT_TOKEN in the environment).");
  }
  try {
    if (auto last = load_snapshot(snapshot_file(options_.state))) {
      version_ = last->version;
      publish_(std::move(*last));
    }
  } catch (const Error& error) {
    // The server has a better one.
    Log().warning("the snapshot on disk is not used", {{"error", describe_exception(error)}});
  }
  thread_ = std::jthread([this](const std::stop_token& stop) { follow(stop); });
}

void SnapshotFeed::follow(const std::stop_token& stop) {
  machine::Backoff backoff(options_.retry_first, options_.retry_longest);
  bool away = false;
  while (!stop.stop_requested()) {
    try {
      if (!session_) enroll();
      session_->renew_when_due(stop);
      poll(stop);
      if (std::exchange(away, false)) Log().info("the control plane is back");
      backoff.reset();
      continue;
    } catch (const Error& error) {
      if (stop.stop_requested()) return;
      const bool no_way_in = !session_ && (machine::is_final(error) || error.code == ErrorCode::unprocessable);
      if (no_way_in || (session_ && machine::is_final(error))) {
        Log().error("the control plane refuses this gateway", {{"error", describe_exception(error)}});
        std::error_code ignored;
        std::filesystem::remove(snapshot_file(options_.state), ignored);
        finished_(error.message);
        return;
      }
      if (!std::exchange(away, true)) {
        Log().warning("the control plane is away; the last routes stay in force",
                      {{"error", describe_exception(error)}});
      }
    } catch (const std::exception& error) {
      Log().error("following the control plane failed", {{"error", describe_exception(error)}});
    }
    if (!machine::wait_for(stop, backoff.next())) return;
  }
}

void SnapshotFeed::enroll() {
  machine::Identity identity =
      machine::enroll(options_.server, options_.token, {options_.version, inventory()}, clock_);
  machine::save_identity(identity_file(options_.state), identity);
  Log().info("enrolled", {{"machine", identity.machine_id}, {"server", identity.server_url}});
  auto session =
      std::make_shared<machine::Session>(std::move(identity), identity_file(options_.state), options_.version, clock_);
  std::lock_guard lock(mutex_);
  session_ = std::move(session);
}

std::shared_ptr<machine::Session> SnapshotFeed::session() const {
  std::lock_guard lock(mutex_);
  return session_;
}

void SnapshotFeed::poll(const std::stop_token& stop) {
  const http::Response response =
      session_->send({.target = fmt::format("/api/v1/gateway/snapshot?after={}&wait_s=50", version_),
                      .timeout = std::chrono::seconds(70),
                      .stop = stop});
  gateway::Snapshot snapshot = parse_snapshot(response.body);
  if (snapshot.version == version_) return;
  Log().info("new routes", {{"version", std::to_string(snapshot.version)},
                            {"routes", std::to_string(snapshot.routes.size())},
                            {"keys", std::to_string(snapshot.keys.size())}});
  version_ = snapshot.version;
  publish_(std::move(snapshot));
  try {
    machine::write_file(snapshot_file(options_.state), response.body);
  } catch (const Error& error) {
    // The routes are in force; only a restart without the control plane would miss them.
    Log().error("the snapshot was not kept on disk", {{"error", describe_exception(error)}});
  }
}

}  // namespace modelops::proxy
