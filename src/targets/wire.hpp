#pragma once
// What agents and gateways say to the server and hear from it: protocol version 1. They dial out only.
//
// Every request but enrolment is signed with the machine's Ed25519 key, so that identity survives proxies that end
// TLS. Headers: X-ModelOps-Machine (id), X-ModelOps-Time (µs since 1970), X-ModelOps-Nonce (base64url of 16 random
// bytes), X-ModelOps-Signature = base64url of the signature over crypto::join_fields({"modelops-request-v1", method,
// path and query, SHA-256 of the body, time, nonce}). The server refuses a time that is more than 5 minutes off and a
// nonce that it has seen. Its answers carry X-ModelOps-Key (key id) and X-ModelOps-Signature over
// crypto::join_fields({"modelops-answer-v1", request nonce, status, SHA-256 of the body}); artifacts are checked by
// their own digests instead. The functions at the end build both texts. Problems are signed too once the machine is
// known, except refusals of a signature, time or nonce; one without a signature proves nothing, so a machine goes on as
// it is and tries again.
//
// A machine may send X-ModelOps-Server-Key, the id of the server key that it pinned: answers are then signed with that
// key, however often the server has rotated. Without it they are signed with the key of its last enrolment or renewal.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "platform/crypto/hash.hpp"
#include "reflect/describe.hpp"
#include "reflect/values.hpp"

namespace modelops::targets {

inline constexpr int protocol_version = 1;

enum class MachineKind { agent, gateway };
MODELOPS_DESCRIBE_ENUM(MachineKind, agent, gateway)

struct Gpu {
  std::string model;
  std::int64_t memory_bytes = 0;
};
MODELOPS_DESCRIBE(Gpu, model, memory_bytes);

struct InstalledEngine {
  std::string id;  ///< of the engine catalogue: "onnxruntime", "llama_cpp"
  std::string version;
};
MODELOPS_DESCRIBE(InstalledEngine, id, version);

/// What a machine is.
struct Inventory {
  std::string hostname;
  std::string os;
  std::string architecture;
  std::int64_t cpus = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t disk_free_bytes = 0;
  std::vector<Gpu> gpus;
  std::vector<std::string> drivers;  ///< "process", later "docker", "kubernetes"
  std::vector<InstalledEngine> engines;
};
MODELOPS_DESCRIBE(Inventory, hostname, os, architecture, cpus, memory_bytes, disk_free_bytes, gpus, drivers, engines);

/// POST /api/v1/machines/enroll, unsigned; the token works once.
struct EnrollMachine {
  reflect::Required<int> protocol;
  reflect::Required<std::string> token;
  reflect::Required<std::string> public_key;   ///< base64url, 32 bytes of Ed25519
  reflect::Required<std::string> sealing_key;  ///< base64url, 32 bytes of X25519: secrets are sealed to it
  std::string version;                         ///< of the program
  Inventory inventory;
};
MODELOPS_DESCRIBE(EnrollMachine, protocol, token, public_key, sealing_key, version, inventory);

struct Enrolled {
  std::string machine_id;
  std::string target_id;  ///< empty for a gateway
  std::string organization;
  std::string server_key_id;
  std::string server_public_key;  ///< base64url; pinned by the machine
  Time expires_at;                ///< renew before: POST /api/v1/machines/renew
};
MODELOPS_DESCRIBE(Enrolled, machine_id, target_id, organization, server_key_id, server_public_key, expires_at);

/// POST /api/v1/machines/renew, signed with the present key; answered by Enrolled with a later `expires_at`. New keys
/// are kept by the machine before it sends them: when the answer is lost, either the old or the new key is valid.
struct RenewMachine {
  reflect::Required<int> protocol;
  std::optional<std::string> public_key;
  std::optional<std::string> sealing_key;
  std::string version;
};
MODELOPS_DESCRIBE(RenewMachine, protocol, public_key, sealing_key, version);

/// One file of a model version. Fetched from GET /api/v1/machines/artifacts/{sha256}, with Range.
struct ArtifactFile {
  std::string path;
  std::int64_t size_bytes = 0;
  std::string sha256;
};
MODELOPS_DESCRIBE(ArtifactFile, path, size_bytes, sha256);

struct Probe {
  std::string path = "/health";
  std::int64_t period_ms = 1000;
  std::int64_t timeout_ms = 2000;
  std::int64_t failures_max = 3;
};
MODELOPS_DESCRIBE(Probe, path, period_ms, timeout_ms, failures_max);

struct SecretVariable {
  std::string name;
  std::string sealed;  ///< crypto::seal_to the machine's sealing key for `secret_context`, base64url
};
MODELOPS_DESCRIBE(SecretVariable, name, sealed);

/// How a metric that all engines share is read from what one engine exposes: the sum of the series of that name with
/// these labels (or their mean), times `scale`.
struct MetricRule {
  std::string name;    ///< the shared one: "requests_running", "ttft_seconds"
  std::string metric;  ///< the engine's own
  std::map<std::string, std::string> labels;
  std::string divisor;  ///< another series of the engine: what `metric` is a sum over
  double scale = 1;
  bool average = false;  ///< of a ratio the mean counts, not the sum
};
MODELOPS_DESCRIBE(MetricRule, name, metric, labels, divisor, scale, average);

/// Where an engine exposes metrics for Prometheus, and what to read there.
struct MetricsSource {
  std::string path;
  std::int64_t port = 0;  ///< 0: the engine's own
  std::vector<MetricRule> rules;
};
MODELOPS_DESCRIBE(MetricsSource, path, port, rules);

/// One engine process that should run. In `command` and `environment`, "{port}" stands for the port that the agent
/// chose, "{host}" for the address, "{artifact}" for the folder of the files, "{engines}" for the engines' folder and
/// "{modelops}" for the program itself; nothing else is expanded, and no shell is involved.
struct DesiredReplica {
  std::string replica_id;
  std::string deployment_id;
  std::string deployment_name;
  std::int64_t revision = 0;
  std::string engine;
  std::vector<std::string> command;
  std::map<std::string, std::string> environment;
  std::vector<SecretVariable> secrets;
  std::vector<ArtifactFile> artifact;
  std::string artifact_digest;
  std::int64_t port = 0;              ///< 0: the agent chooses a free one
  std::int64_t memory_bytes_max = 0;  ///< 0: no limit
  double cpus_max = 0;                ///< 0: no limit
  Probe readiness;
  Probe liveness;
  std::int64_t startup_ms_max = 600'000;
  std::int64_t stop_grace_ms = 10'000;
  std::int64_t restarts_max = 5;  ///< in a row, without having been ready for a minute; then failed
  std::optional<MetricsSource> metrics = {};
};
MODELOPS_DESCRIBE(DesiredReplica, replica_id, deployment_id, deployment_name, revision, engine, command, environment,
                  secrets, artifact, artifact_digest, port, memory_bytes_max, cpus_max, readiness, liveness,
                  startup_ms_max, stop_grace_ms, restarts_max, metrics);

/// GET /api/v1/machines/desired?after=<generation>&wait_s=<0..55>: a long poll, answered when the generation differs.
struct DesiredState {
  int protocol = protocol_version;
  std::int64_t generation = 0;
  std::vector<DesiredReplica> replicas;
};
MODELOPS_DESCRIBE(DesiredState, protocol, generation, replicas);

enum class ReplicaState { pending, fetching, starting, ready, unhealthy, stopping, stopped, failed };
MODELOPS_DESCRIBE_ENUM(ReplicaState, pending, fetching, starting, ready, unhealthy, stopping, stopped, failed)

/// What an engine says of itself just now, by a MetricRule. Without a divisor a level, or of a name that ends in _total
/// a count from its start; with one, both are counts from its start, and the quotient of their differences is a mean.
struct EngineSample {
  std::string name;
  double value = 0;
  std::optional<double> divisor;
  bool operator==(const EngineSample&) const = default;
};
MODELOPS_DESCRIBE(EngineSample, name, value, divisor);

inline constexpr std::size_t engine_samples_max = 64;  ///< of one replica

struct ObservedReplica {
  std::string replica_id;
  ReplicaState state = ReplicaState::pending;
  std::string reason;   ///< a stable word: "port_taken", "engine_exited", "artifact_mismatch", "out_of_memory"…
  std::string message;  ///< for a person: what happened and the engine's own last words
  std::string address;  ///< "127.0.0.1:41234" once it has one
  std::int64_t pid = 0;
  std::int64_t restarts = 0;
  std::optional<std::int64_t> exit_code;
  std::optional<Time> started_at;
  std::optional<Time> ready_at;
  std::optional<double> progress;  ///< of fetching, 0 to 1
  std::int64_t memory_bytes = 0;
  double cpu_seconds = 0;
  std::vector<EngineSample> engine = {};  ///< of a ready replica whose engine exposes metrics
};
MODELOPS_DESCRIBE(ObservedReplica, replica_id, state, reason, message, address, pid, restarts, exit_code, started_at,
                  ready_at, progress, memory_bytes, cpu_seconds, engine);

/// POST /api/v1/machines/observed: at once when a state changes, else every 10 seconds.
struct ReportObserved {
  reflect::Required<int> protocol;
  std::int64_t generation = 0;  ///< of the desired state that this follows
  std::vector<ObservedReplica> replicas;
  std::optional<Inventory> inventory;
};
MODELOPS_DESCRIBE(ReportObserved, protocol, generation, replicas, inventory);

struct ReplicaLogLine {
  std::string replica_id;
  Time time;
  std::string stream;  ///< "stdout", "stderr" or "agent"
  std::string line;    ///< at most 8 KiB
};
MODELOPS_DESCRIBE(ReplicaLogLine, replica_id, time, stream, line);

/// POST /api/v1/machines/logs: batches of at most 1,000 lines, in order. `batch` counts up; a repeated one is dropped.
struct ReportLogs {
  std::int64_t batch = 0;
  std::vector<ReplicaLogLine> lines;
};
MODELOPS_DESCRIBE(ReportLogs, batch, lines);

/// What a machine signs. `target` is path and query as sent, the body's digest is hexadecimal, `time` decimal.
inline std::string request_to_sign(std::string_view method, std::string_view target, std::string_view body,
                                   std::string_view time, std::string_view nonce) {
  return crypto::join_fields({"modelops-request-v1", method, target, crypto::sha256_hex(body), time, nonce});
}
/// What the server signs; the status is decimal.
inline std::string answer_to_sign(std::string_view nonce, int status, std::string_view body) {
  return crypto::join_fields({"modelops-answer-v1", nonce, std::to_string(status), crypto::sha256_hex(body)});
}
/// What a secret variable is sealed for (crypto::seal_to, open_sealed).
inline std::string secret_context(std::string_view machine_id, std::string_view deployment_id, std::string_view name) {
  return crypto::join_fields({"modelops-secret-v1", machine_id, deployment_id, name});
}

}  // namespace modelops::targets
