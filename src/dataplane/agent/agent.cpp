#include "dataplane/agent/agent.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <thread>

#include "base/descriptor.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "dataplane/agent/inventory.hpp"
#include "dataplane/agent/scraper.hpp"
#include "dataplane/agent/supervisor.hpp"
#include "dataplane/machine/files.hpp"
#include "dataplane/machine/session.hpp"
#include "platform/crypto/token.hpp"
#include "reflect/json.hpp"

namespace modelops::agent {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t desired_bytes_max = 64 << 20;
constexpr std::chrono::seconds poll_wait{55};
constexpr std::chrono::minutes inventory_interval{5};
constexpr milliseconds collect_interval{200};
constexpr std::size_t observed_per_report_max = 1000;

/// The folder, private, and locked as long as the descriptor is open.
Descriptor lock_state(const fs::path& state) {
  fs::create_directories(state);
  fs::permissions(state, fs::perms::owner_all);
  Descriptor lock(::open((state / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock.get() < 0) machine::fail_file("open", state / "lock", errno);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    fail(ErrorCode::conflict,
         fmt::format("Another agent runs with the state folder {}: stop it first, or choose another folder.",
                     state.string()));
  }
  return lock;
}

}  // namespace

/// Threads: `poll` hears what should run, `supervise` makes it so, `fetch` gets files, `scrape` asks engines how they
/// are, `report` tells what is. They meet in the supervisor, the cache, the scraper and the log queue, each of which
/// locks itself; the session is shared.
struct Agent::State {
  State(AgentOptions agent_options, const Clock& agent_clock, std::function<void(std::string)> on_finished)
      : options(std::move(agent_options)),
        clock(agent_clock),
        finished(std::move(on_finished)),
        lock(lock_state(options.state)),
        artifacts(options.state,
                  [this](const std::string& sha256, std::uint64_t offset, const auto& begin, const auto& receive,
                         std::stop_token stop) {
                    connected(stop).download("/api/v1/machines/artifacts/" + sha256, offset, begin, receive, stop);
                  }),
        logs(options.state / "replicas", clock),
        host{.replicas = options.state / "replicas",
             .engines = options.engines,
             .program = fs::canonical(options.program),
             .address = options.address,
             .restart_delay_first = options.restart_delay_first,
             .stable_after = options.stable_after,
             .artifacts = artifacts,
             .logs = logs,
             .clock = clock,
             .open_secret = [this](const auto& replica, const auto& secret) { return open_secret(replica, secret); },
             .limited_engines = {}},
        supervisor(host),
        scraper(options.scrape_interval) {
    if (auto identity = machine::load_identity(identity_file())) {
      const bool new_token = !options.token.empty() && crypto::token_digest(options.token) != identity->token_digest;
      if (!new_token) connect(std::move(*identity));
    }
    if (!session && (options.token.empty() || options.server.empty())) {
      fail(
          ErrorCode::invalid,
          "This machine is not enrolled: make an enrollment token for it, and give --server and the token (--token, or "
          "MODELOPS_ENROLLMENT_TOKEN in the environment).");
    }
    resume();
    const auto thread = [this](auto member) {
      return std::jthread([this, member](std::stop_token stop) { (this->*member)(stop); });
    };
    threads.push_back(thread(&State::supervise));
    threads.push_back(thread(&State::fetch));
    threads.push_back(thread(&State::scrape));
    threads.push_back(thread(&State::poll));
    threads.push_back(thread(&State::report));
  }

  ~State() {
    for (auto& thread : threads) thread.request_stop();
    for (auto& thread : threads) thread.join();
    if (options.stop_engines_on_exit) supervisor.end_all();
  }

  fs::path identity_file() const { return options.state / "identity.json"; }
  fs::path desired_file() const { return options.state / "desired.json"; }

  void connect(machine::Identity identity) {
    if (!options.server.empty()) {
      while (options.server.ends_with('/')) options.server.pop_back();
      identity.server_url = options.server;  // it may have moved; its key says that it is the same
    }
    std::lock_guard guard(mutex);
    session = std::make_unique<machine::Session>(std::move(identity), identity_file(), MODELOPS_VERSION, clock);
    enrolled.notify_all();
  }

  /// Waits for enrolment. Throws Error(unavailable) at `stop`.
  machine::Session& connected(const std::stop_token& stop) {
    std::unique_lock guard(mutex);
    if (!enrolled.wait(guard, stop, [&] { return session != nullptr; })) {
      fail(ErrorCode::unavailable, "The agent stops.");
    }
    return *session;
  }

  Secret open_secret(const targets::DesiredReplica& replica, const targets::SecretVariable& secret) {
    std::lock_guard guard(mutex);
    if (!session) fail(ErrorCode::unavailable, "Its secrets can be opened once this machine is enrolled.");
    const std::string context =
        targets::secret_context(session->identity().machine_id, replica.deployment_id, secret.name);
    return session->open_sealed(secret.sealed, context);
  }

  /// Goes on with the last desired state, also when the server is away.
  void resume() {
    try {
      if (const auto text = machine::read_file(desired_file(), desired_bytes_max)) {
        auto desired = reflect::from_stored_json<targets::DesiredState>(*text);
        generation = desired.generation;
        scraper.want(desired);
        supervisor.apply(std::move(desired));
      }
    } catch (const Error& error) {
      Log().warning("last desired state unusable, waiting for the server", {{"reason", error.message}});
    }
  }

  void finish(const Error& error) {
    Log().error("agent refused by its server", {{"reason", describe_exception(error)}});
    if (!told_finished.exchange(true)) finished(error.message);
  }

  /// Runs `step` until `stop`, with pauses after failures; ends early when a failure is final.
  template <class Step>
  void repeat(const std::stop_token& stop, std::string_view what, Step step) {
    machine::Backoff backoff;
    while (!stop.stop_requested()) {
      try {
        step();
        backoff.reset();
        continue;
      } catch (const Error& error) {
        if (stop.stop_requested()) return;
        if (machine::is_final(error)) return finish(error);
        Log().warning(std::string(what) + " failed, trying again", {{"reason", describe_exception(error)}});
      } catch (const std::exception& error) {
        Log().warning(std::string(what) + " failed, trying again", {{"reason", error.what()}});
      }
      machine::wait_for(stop, backoff.next());
    }
  }

  void supervise(std::stop_token stop) { supervisor.run(stop); }
  void fetch(std::stop_token stop) { artifacts.run(stop); }
  void scrape(std::stop_token stop) {
    scraper.run(stop, [this] { return supervisor.snapshot().replicas; });
  }

  // -------------------------------------------------------------------------------------------- what should run

  void poll(std::stop_token stop) {
    bool first = true;  // asks without waiting, so that a restarted agent soon knows
    repeat(stop, "asking the server", [&] {
      if (!has_session()) enroll(stop);
      machine::Session& server = connected(stop);
      server.renew_when_due(stop);
      const auto begun = steady_clock::now();
      const auto response = server.send({.target = fmt::format("/api/v1/machines/desired?after={}&wait_s={}",
                                                               generation, first ? 0 : poll_wait.count()),
                                         .timeout = poll_wait + std::chrono::seconds(30),
                                         .stop = stop});
      const bool asked_first = std::exchange(first, false);
      bool changed = false;
      if (response.status == 200) {
        auto desired = reflect::from_stored_json<targets::DesiredState>(response.body);
        if (desired.protocol != targets::protocol_version) {
          fail(ErrorCode::bad_gateway, fmt::format("The server speaks protocol {}, this agent {}: update the agent.",
                                                   desired.protocol, targets::protocol_version));
        }
        changed = desired.generation != generation;
        if (changed || asked_first) {
          machine::write_file(desired_file(), reflect::to_json(desired));
          generation = desired.generation;
          scraper.want(desired);
          supervisor.apply(std::move(desired));
        }
      }
      // A server that does not hold the answer must not be asked all the time.
      if (!changed && !asked_first && steady_clock::now() - begun < std::chrono::seconds(1)) {
        machine::wait_for(stop, milliseconds(1000));
      }
    });
  }

  bool has_session() {
    std::lock_guard guard(mutex);
    return session != nullptr;
  }

  void enroll(const std::stop_token& stop) {
    machine::Identity identity =
        machine::enroll(options.server, options.token, {MODELOPS_VERSION, inventory()}, clock, stop);
    machine::save_identity(identity_file(), identity);
    Log().info("enrolled", {{"machine", identity.machine_id}, {"server", identity.server_url}});
    connect(std::move(identity));
  }

  targets::Inventory inventory() const {
    return take_inventory(options.state, options.engines, options.memory_reserve_bytes, options.name);
  }

  // --------------------------------------------------------------------------------------------------- what is

  void report(std::stop_token stop) {
    std::uint64_t seen = 0;
    steady_clock::time_point report_due{};
    steady_clock::time_point inventory_due{};
    // Batches count up for ever, across restarts too; time does that without a file.
    std::int64_t batch = clock.now().us;
    repeat(stop, "reporting to the server", [&] {
      auto now = steady_clock::now();
      const Supervisor::Snapshot snapshot = supervisor.snapshot();
      if (!has_session()) {
        machine::wait_for(stop, collect_interval);
        return;
      }
      if (snapshot.version != seen || now >= report_due) {
        report_observed(snapshot, now >= inventory_due, stop);
        if (now >= inventory_due) inventory_due = now + inventory_interval;
        seen = snapshot.version;
        report_due = now + options.report_interval;
      }
      logs.collect(now);
      if (auto lines = logs.batch(); !lines.empty()) {
        const std::size_t count = lines.size();
        report_logs({batch, std::move(lines)}, stop);
        ++batch;
        logs.sent(count, now);
      }
      // A snapshot from after `collect`: a replica is in it before its folder is made.
      if (const auto latest = supervisor.snapshot(); latest.told) logs.remove_finished(latest.living);
      supervisor.wait_for_change(seen, collect_interval, stop);
    });
    try {
      logs.save_positions();
    } catch (const Error& error) {
      Log().warning("log positions not saved", {{"reason", error.message}});
    }
  }

  void report_logs(const targets::ReportLogs& report, const std::stop_token& stop) {
    try {
      connected(stop).send({.method = http::Method::post,
                            .target = "/api/v1/machines/logs",
                            .body = reflect::to_json(report),
                            .stop = stop});
    } catch (const Error& error) {
      const bool never = error.code == ErrorCode::invalid || error.code == ErrorCode::unprocessable ||
                         error.code == ErrorCode::too_large;
      if (!never) throw;
      // What the server will never take must not hold up what comes after it.
      Log().warning("log lines dropped", {{"lines", std::to_string(report.lines.size())}, {"reason", error.message}});
    }
  }

  void report_observed(const Supervisor::Snapshot& snapshot, bool with_inventory, const std::stop_token& stop) {
    targets::ReportObserved report{.protocol = {targets::protocol_version}, .generation = snapshot.generation};
    report.replicas = snapshot.replicas;
    if (report.replicas.size() > observed_per_report_max) report.replicas.resize(observed_per_report_max);
    scraper.add_to(report.replicas);
    if (with_inventory) report.inventory = inventory();
    connected(stop).send({.method = http::Method::post,
                          .target = "/api/v1/machines/observed",
                          .body = reflect::to_json(report),
                          .stop = stop});
    std::vector<std::string> gone;
    for (const auto& replica : report.replicas) {
      if (!snapshot.living.contains(replica.replica_id)) gone.push_back(replica.replica_id);
    }
    supervisor.forget(gone);
  }

  AgentOptions options;
  const Clock& clock;
  std::function<void(std::string)> finished;
  std::atomic<bool> told_finished = false;
  const Descriptor lock;
  std::mutex mutex;
  std::condition_variable_any enrolled;
  std::unique_ptr<machine::Session> session;
  ArtifactCache artifacts;
  LogQueue logs;
  Host host;
  Supervisor supervisor;
  Scraper scraper;
  std::int64_t generation = 0;  ///< of the poll thread
  std::vector<std::jthread> threads;
};

Agent::Agent(AgentOptions options, const Clock& clock, std::function<void(std::string)> finished)
    : state_(std::make_unique<State>(std::move(options), clock, std::move(finished))) {}

Agent::~Agent() = default;

void stop_engines(const fs::path& state, const Clock& clock) {
  const Descriptor lock = lock_state(state);
  ArtifactCache artifacts(state, [](const auto&...) {});
  LogQueue logs(state / "replicas", clock);
  Host host{.replicas = state / "replicas",
            .engines = {},
            .program = {},
            .artifacts = artifacts,
            .logs = logs,
            .clock = clock,
            .open_secret = {},
            .limited_engines = {}};
  Supervisor(host).end_all();
}

}  // namespace modelops::agent
