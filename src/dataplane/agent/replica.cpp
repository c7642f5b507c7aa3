#include "dataplane/agent/replica.hpp"

#include <signal.h>
#include <unistd.h>

#include <cmath>

#include "base/error.hpp"
#include "base/id.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "dataplane/machine/files.hpp"
#include "reflect/json.hpp"

namespace modelops::agent {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using targets::ReplicaState;

constexpr std::size_t last_lines_max = 20;
constexpr std::size_t last_words_bytes_max = 3000;

std::int64_t size_of(const fs::path& file) {
  std::error_code absent;
  const auto size = fs::file_size(file, absent);
  return absent ? 0 : static_cast<std::int64_t>(size);
}

std::string mebibytes(std::int64_t bytes) { return fmt::format("{} MiB", bytes >> 20); }

}  // namespace

Replica::Replica(Host& host, std::string id) : host_(host) { observed_.replica_id = std::move(id); }

fs::path Replica::folder() const { return host_.replicas / observed_.replica_id; }

void Replica::add_artifacts(std::set<std::string>& digests) const {
  if (wanted_ && !failed_) digests.insert(wanted_->artifact_digest);
  if (engine_) digests.insert(engine_->record.artifact_digest);
}

std::optional<pid_t> Replica::limited_engine() const {
  if (!engine_ || !wanted_ || wanted_->cpus_max <= 0) return std::nullopt;
  return engine_->process.pid;
}

void Replica::set_state(ReplicaState state, std::string reason, std::string message) {
  observed_.state = state;
  observed_.reason = std::move(reason);
  observed_.message = std::move(message);
}

void Replica::fail(std::string reason, std::string message) {
  failed_ = {reason, message};
  host_.logs.note(observed_.replica_id, fmt::format("failed ({}): {}", reason, message.substr(0, message.find('\n'))));
  set_state(ReplicaState::failed, std::move(reason), std::move(message));
}

void Replica::adopt() {
  try {
    const auto text = machine::read_file(folder() / "engine.json", 64 * 1024);
    if (!text) return;
    auto record = reflect::from_stored_json<EngineRecord>(*text);
    // Without a pid the agent died while it was starting the engine.
    const auto process =
        record.pid > 0 ? identify(static_cast<pid_t>(record.pid), record.nonce) : find_by_nonce(record.nonce);
    const bool same =
        process && (record.pid == 0 || process->start_ticks == static_cast<std::uint64_t>(record.start_ticks));
    if (!same) {
      fs::remove(folder() / "engine.json");
      return;
    }
    engine_.emplace();
    engine_->process = *process;
    engine_->started = std::chrono::steady_clock::now();
    observed_.pid = process->pid;
    observed_.restarts = record.restarts;
    observed_.started_at = record.started_at;
    observed_.ready_at = record.ready_at;
    observed_.address = fmt::format("{}:{}", host_.address, record.port);
    engine_->record = std::move(record);
    // What was ready is reported as ready again at once: the gateway need not notice that we were away.
    if (engine_->record.ready_at) engine_->ready_since = engine_->started;
    set_state(engine_->ready_since ? ReplicaState::ready : ReplicaState::starting);
    host_.logs.note(observed_.replica_id, fmt::format("adopted the running engine, pid {}", process->pid));
  } catch (const std::exception& error) {
    Log().warning("engine record unusable", {{"replica", observed_.replica_id}, {"reason", error.what()}});
  }
}

void Replica::want(const targets::DesiredReplica& wanted) {
  decided_ = true;
  std::string digest = digest_of(wanted);
  // Sealed anew, perhaps to a key that this machine has only had since it enrolled again.
  const bool was_unreadable = failed_ && failed_->reason == "secret_unreadable";
  if (wanted_ && digest == wanted_digest_ && !was_unreadable) {
    wanted_ = wanted;
    return;
  }
  wanted_ = wanted;
  wanted_digest_ = std::move(digest);
  failed_.reset();
  failures_in_a_row_ = 0;
  not_before_ = {};
  if (!engine_) {
    set_state(ReplicaState::pending);
  } else if (engine_->record.digest == wanted_digest_ && !engine_->kill_at) {
    const Instant now = std::chrono::steady_clock::now();
    const int port = static_cast<int>(engine_->record.port);
    engine_->readiness.emplace(wanted.readiness, host_.address, port, now);
    engine_->liveness.emplace(wanted.liveness, host_.address, port, now);
  }
  if (const std::string objection = objection_to(wanted); !objection.empty()) {
    fail("invalid", "The server asks for a replica that this agent refuses. " + objection);
  }
}

void Replica::unwant() {
  decided_ = true;
  wanted_.reset();
  if (!engine_) set_state(ReplicaState::stopped);
}

void Replica::tick(Instant now) {
  if (engine_) {
    watch(now);
  } else if (wanted_ && !failed_ && now >= not_before_) {
    try {
      start(now);
    } catch (const Error& error) {
      if (error.code == ErrorCode::insufficient_storage) return fail("disk_full", error.message);
      if (error.code == ErrorCode::not_found) return fail("engine_missing", error.message);
      if (error.code == ErrorCode::unprocessable) return fail("secret_unreadable", error.message);
      retry("start_failed", error.message, now);
    } catch (const std::exception& error) {
      retry("start_failed", error.what(), now);
    }
  }
}

// ------------------------------------------------------------------------------------------------ starting

void Replica::start(Instant now) {
  const ArtifactCache::Status files = host_.artifacts.want(*wanted_);
  if (files.kind == ArtifactCache::Status::Kind::failed) return fail(files.reason, files.message);
  if (files.kind == ArtifactCache::Status::Kind::fetching) {
    set_state(ReplicaState::fetching, files.reason, files.message);
    observed_.progress = std::floor(files.progress * 100) / 100;  // each change is reported at once
    return;
  }
  observed_.progress.reset();
  launch(files.folder, now);
}

void Replica::launch(const fs::path& artifact, Instant now) {
  const targets::DesiredReplica& wanted = *wanted_;
  int port = static_cast<int>(wanted.port);
  if (port == 0) {
    port = free_port(host_.address);
  } else if (!is_free(host_.address, port)) {
    const std::string owner = owner_of_port(port);
    return retry("port_taken",
                 fmt::format("Port {} is taken{}: free it, or let the deployment use another one.", port,
                             owner.empty() ? "" : " by " + owner),
                 now);
  }
  fs::create_directories(folder());
  const Placeholders values{.port = port,
                            .host = host_.address,
                            .artifact = artifact.empty() ? folder() : artifact,
                            .engines = host_.engines,
                            .modelops = host_.program};
  Launch launch{
      .command = {},
      .environment = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"LANG", "C.UTF-8"}, {"HOME", folder().string()}},
      .folder = folder(),
      .standard_output = folder() / "stdout.log",
      .standard_error = folder() / "stderr.log"};
  for (const std::string& argument : wanted.command) launch.command.push_back(expand(argument, values));
  if (!launch.command.front().starts_with('/')) {
    return fail("invalid", "The command must begin with a full path, not '" + launch.command.front() + "'.");
  }
  for (const auto& [name, value] : wanted.environment) launch.environment[name] = expand(value, values);
  for (const auto& secret : wanted.secrets)
    launch.environment[secret.name] = host_.open_secret(wanted, secret).reveal();
  if (wanted.cpus_max > 0) launch.cpus = choose_cpus(wanted.cpus_max, host_.limited_engines());

  engine_.emplace();
  EngineRecord& record = engine_->record;
  record = {.nonce = to_hex(random_bytes(16)),
            .digest = wanted_digest_,
            .artifact_digest = wanted.artifact_digest,
            .port = port,
            .restarts = observed_.restarts,
            .stop_grace_ms = wanted.stop_grace_ms,
            .started_at = host_.clock.now(),
            .output_from = size_of(launch.standard_output),
            .error_from = size_of(launch.standard_error)};
  launch.environment[std::string(nonce_variable)] = record.nonce;
  try {
    save();  // should we die between here and the next one, the nonce finds the engine
    engine_->process = spawn(launch);
  } catch (...) {
    engine_.reset();
    std::error_code ignored;
    fs::remove(folder() / "engine.json", ignored);
    throw;
  }
  record.pid = engine_->process.pid;
  record.start_ticks = static_cast<std::int64_t>(engine_->process.start_ticks);
  save();
  engine_->started = now;
  engine_->readiness.emplace(wanted.readiness, host_.address, port, now);
  engine_->liveness.emplace(wanted.liveness, host_.address, port, now);
  observed_.pid = record.pid;
  observed_.address = fmt::format("{}:{}", host_.address, port);
  observed_.started_at = record.started_at;
  observed_.ready_at.reset();
  set_state(ReplicaState::starting);
  host_.logs.note(observed_.replica_id,
                  fmt::format("started {}, pid {}, port {}", launch.command.front(), record.pid, port));
}

void Replica::save() const { machine::write_file(folder() / "engine.json", reflect::to_json(engine_->record)); }

// ------------------------------------------------------------------------------------------------ watching

void Replica::watch(Instant now) {
  const std::optional<Exit> exit = reap(engine_->process.pid);
  if (exit || !is_running(engine_->process)) return ended(exit, now);
  if (engine_->kill_at) {
    if (!engine_->killed && now >= *engine_->kill_at) {
      engine_->killed = true;
      signal_group(engine_->process.pid, SIGKILL);
    }
    return;
  }
  if (!decided_) return;
  if (!wanted_ || failed_ || wanted_digest_ != engine_->record.digest) return end({}, {}, now);
  watch_memory(now);
  if (!engine_->kill_at) watch_probes(now);
}

void Replica::watch_memory(Instant now) {
  if (now < engine_->usage_due) return;
  engine_->usage_due = now + milliseconds(1000);
  const Usage usage = usage_of(engine_->process.pid);
  observed_.memory_bytes = usage.resident_bytes;
  observed_.cpu_seconds = usage.cpu_seconds;
  if (wanted_->memory_bytes_max == 0 || usage.own_bytes <= wanted_->memory_bytes_max) return;
  // At once: with a grace it could take the memory of everybody else.
  end("out_of_memory",
      fmt::format("The engine used {} of memory, more than the {} it may use, and was ended.",
                  mebibytes(usage.own_bytes), mebibytes(wanted_->memory_bytes_max)),
      now);
  engine_->kill_at = now;
}

void Replica::watch_probes(Instant now) {
  Engine& engine = *engine_;
  const bool was_ready = engine.ready_since.has_value();
  const std::optional<bool> answer = engine.readiness->tick(now);
  if (!was_ready) {
    if (answer && *answer) {
      engine.ready_since = now;
      if (!observed_.ready_at) observed_.ready_at = host_.clock.now();
      engine.record.ready_at = observed_.ready_at;
      set_state(ReplicaState::ready);
      host_.logs.note(observed_.replica_id, "ready");
      try {
        save();
      } catch (const Error& error) {  // a full disk is no reason to end an engine that works
        Log().warning("engine record not saved", {{"replica", observed_.replica_id}, {"reason", error.message}});
      }
    } else if (now - engine.started >= milliseconds(wanted_->startup_ms_max)) {
      end("startup_timeout",
          fmt::format("The engine was not ready within {} s: {} did not answer with 2xx.",
                      wanted_->startup_ms_max / 1000, engine.readiness->path()),
          now);
    }
    return;  // liveness counts from the first readiness on: loading may take long
  }
  if (now - *engine.ready_since >= host_.stable_after) failures_in_a_row_ = 0;
  if (answer && *answer && observed_.state == ReplicaState::unhealthy) set_state(ReplicaState::ready);
  if (answer && engine.readiness->has_failed() && observed_.state == ReplicaState::ready) {
    set_state(ReplicaState::unhealthy, "not_ready", "The engine's readiness path stopped answering.");
  }
  engine.liveness->tick(now);
  if (engine.liveness->has_failed()) {
    end("engine_hung",
        fmt::format("The engine did not answer {} times in a row on {}.", engine.liveness->failures(),
                    engine.liveness->path()),
        now);
  }
}

// -------------------------------------------------------------------------------------------------- ending

void Replica::end(std::string reason, std::string message, Instant now) {
  engine_->reason = reason;
  engine_->message = message;
  engine_->kill_at = now + milliseconds(wanted_ ? wanted_->stop_grace_ms : engine_->record.stop_grace_ms);
  signal_group(engine_->process.pid, SIGTERM);
  set_state(ReplicaState::stopping, std::move(reason), std::move(message));
}

std::string Replica::last_words() const {
  std::string words =
      last_lines(folder() / "stderr.log", engine_->record.error_from, last_lines_max, last_words_bytes_max);
  if (words.empty())
    words = last_lines(folder() / "stdout.log", engine_->record.output_from, last_lines_max, last_words_bytes_max);
  return words.empty() ? "It said nothing." : "Its last words:\n" + words;
}

void Replica::ended(std::optional<Exit> exit, Instant now) {
  kill_rest(engine_->process.pid, engine_->record.nonce);
  std::error_code ignored;
  fs::remove(folder() / "engine.json", ignored);
  observed_.pid = 0;
  observed_.address.clear();
  observed_.memory_bytes = 0;
  observed_.exit_code = exit ? std::optional<std::int64_t>(exit->code) : std::nullopt;
  const std::string how = !exit               ? std::string("ended")
                          : exit->signal == 0 ? fmt::format("exited with code {}", exit->code)
                          : exit->signal == SIGKILL && !engine_->killed
                              ? std::string("was killed, perhaps by the kernel because memory ran out")
                              : fmt::format("was ended by signal {}", exit->signal);
  host_.logs.note(observed_.replica_id, fmt::format("the engine, pid {}, {}", engine_->process.pid, how));
  const bool expected = engine_->kill_at && engine_->reason.empty();
  std::string reason = engine_->reason.empty() ? "engine_exited" : engine_->reason;
  std::string message = engine_->reason.empty() ? fmt::format("The engine {}.", how) : engine_->message;
  if (!expected) message += " " + last_words();
  engine_.reset();
  if (!decided_) return set_state(ReplicaState::pending, std::move(reason), std::move(message));
  if (!wanted_) return set_state(ReplicaState::stopped);
  if (failed_) return set_state(ReplicaState::failed, failed_->reason, failed_->message);
  if (expected) return set_state(ReplicaState::pending);
  retry(std::move(reason), std::move(message), now);
}

void Replica::retry(std::string reason, std::string message, Instant now) {
  const std::int64_t attempt = ++failures_in_a_row_;
  if (attempt > wanted_->restarts_max) return fail(std::move(reason), std::move(message));
  ++observed_.restarts;
  const auto delay = std::min(host_.restart_delay_longest,
                              host_.restart_delay_first * (std::int64_t{1} << std::min<std::int64_t>(attempt - 1, 16)));
  not_before_ = now + delay;
  set_state(ReplicaState::pending, std::move(reason), std::move(message));
}

}  // namespace modelops::agent
