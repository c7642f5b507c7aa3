#pragma once
// What a revision is: the document that says all that decides how replicas run, and its digest.
#include "deployments/engines.hpp"
#include "deployments/ports.hpp"

namespace modelops::deployments {

using reflect::Bounded;
using reflect::Doc;
using reflect::Ranged;

struct EnvironmentTag {
  static constexpr std::string_view prefix = "env";
};
struct DeploymentTag {
  static constexpr std::string_view prefix = "dep";
};
struct ReplicaTag {
  static constexpr std::string_view prefix = "rep";
};
struct SecretTag {
  static constexpr std::string_view prefix = "sec";
};
struct DeploymentEventTag {
  static constexpr std::string_view prefix = "dev";
};
using EnvironmentId = Id<EnvironmentTag>;
using DeploymentId = Id<DeploymentTag>;
using ReplicaId = Id<ReplicaTag>;
using SecretId = Id<SecretTag>;
using DeploymentEventId = Id<DeploymentEventTag>;

// ------------------------------------------------------------------------------ what people say

/// The name of an environment variable, but none with which a user of the API could load code into the agent's host.
struct VariableNameRule {
  static bool accepts(std::string_view text);
  static std::string says() {
    return "must be 1 to 128 letters, digits and '_', not starting with a digit; LD_*, DYLD_*, PATH, PYTHONPATH and "
           "GCONV_PATH are not allowed";
  }
  static constexpr std::string_view pattern = "^[A-Za-z_][A-Za-z0-9_]{0,127}$";
  static constexpr std::string_view format = "";
  static constexpr std::size_t min = 1;
  static constexpr std::size_t max = 128;
};
using VariableName = reflect::Text<VariableNameRule>;
using VariableValue = reflect::Paragraph<0, 4096>;

struct LiteralVariable {
  static constexpr std::string_view type = "literal";
  VariableName name;
  VariableValue value;
};
MODELOPS_DESCRIBE(LiteralVariable, name, value);
/// Given with a value once; afterwards known by its id only.
struct SecretReference {
  static constexpr std::string_view type = "secret";
  VariableName name;
  std::optional<VariableValue> value;
  std::optional<SecretId> secret_id;
};
MODELOPS_DESCRIBE(SecretReference, name, value, secret_id);
using EnvironmentVariable = std::variant<LiteralVariable, SecretReference>;

struct Resources {
  std::optional<double> cpus;
  std::optional<Ranged<1 << 20, 1LL << 50>> memory_bytes;
  static constexpr Doc docs[] = {{"cpus", "At most so many, 0.01 to 1024; without it no limit"},
                                 {"memory_bytes", "At most so much per replica; without it no limit"}};
};
MODELOPS_DESCRIBE(Resources, cpus, memory_bytes);

struct ProbeOverride {
  std::optional<Bounded<1, 512>> path;
  std::optional<Ranged<100, 600'000>> period_ms;
  std::optional<Ranged<100, 600'000>> timeout_ms;
  std::optional<Ranged<1, 1000>> failures_max;
};
MODELOPS_DESCRIBE(ProbeOverride, path, period_ms, timeout_ms, failures_max);
struct Probes {
  ProbeOverride readiness;
  ProbeOverride liveness;
  std::optional<Ranged<1000, 86'400'000>> startup_ms_max;
  static constexpr Doc docs[] = {{"readiness", "Instead of what the engine catalogue says"},
                                 {"startup_ms_max", "How long loading the model may take"}};
};
MODELOPS_DESCRIBE(Probes, readiness, liveness, startup_ms_max);

/// What a gateway allows per replica, and lets wait before it.
struct Limits {
  Ranged<100, 3'600'000> timeout_ms = Ranged<100, 3'600'000>::of<300'000>();
  Ranged<1, 100'000> concurrency_max = Ranged<1, 100'000>::of<64>();
  Ranged<0, 1'000'000> queue_max = Ranged<0, 1'000'000>::of<256>();
  Ranged<0, 3'600'000> queue_wait_ms_max = Ranged<0, 3'600'000>::of<30'000>();
  static constexpr Doc docs[] = {{"concurrency_max", "Requests at once per replica; more wait"},
                                 {"queue_max", "Waiting requests; more are refused with 429"}};
};
MODELOPS_DESCRIBE(Limits, timeout_ms, concurrency_max, queue_max, queue_wait_ms_max);

/// An engine process that the target's agent starts and watches.
inline constexpr std::int64_t drain_ms_default = 3'000;
using DrainTime = Ranged<0, 3'600'000>;
struct ProcessRuntime {
  static constexpr std::string_view type = "process";
  std::optional<reflect::Port> port;
  DrainTime drain_ms = DrainTime::of<drain_ms_default>();
  Ranged<0, 3'600'000> stop_grace_ms = Ranged<0, 3'600'000>::of<10'000>();
  Ranged<0, 100> restarts_max = Ranged<0, 100>::of<5>();
  static constexpr Doc docs[] = {
      {"port", "A fixed one, for a single replica; without it the agent chooses"},
      {"drain_ms",
       "How long a replica that gateways were told to leave goes on before its engine is told to end: time for them to "
       "hear of it, and for an engine that drops requests when told to end to finish them"},
      {"stop_grace_ms", "How long an engine that was told to end may take to finish its requests"}};
};
MODELOPS_DESCRIBE(ProcessRuntime, port, drain_ms, stop_grace_ms, restarts_max);
using Runtime = std::variant<ProcessRuntime>;

/// What a revision is made of, as people gave it. Kept beside the document, so that an update changes only what it
/// names.
struct DeploymentSpec {
  std::string version_id;
  std::optional<reflect::Slug> engine;
  EngineFlags flags;
  std::optional<reflect::RelativePath> model_file;
  Resources resources;
  std::vector<EnvironmentVariable> environment_variables;
  Probes probes;
  Limits limits;
  Runtime runtime = ProcessRuntime{};
};
MODELOPS_DESCRIBE(DeploymentSpec, version_id, engine, flags, model_file, resources, environment_variables, probes,
                  limits, runtime);

// ---------------------------------------------------------------------------------- the document

struct PinnedVersion {
  std::string model_id;
  std::string model_name;
  std::string version_id;
  std::int64_t number = 0;
  std::string digest;
  std::string interface;
};
MODELOPS_DESCRIBE(PinnedVersion, model_id, model_name, version_id, number, digest, interface);

struct ProcessPlan {
  static constexpr std::string_view type = "process";
  std::vector<std::string> command;  ///< with the agent's placeholders (targets/wire.hpp)
  std::int64_t port = 0;             ///< 0: the agent chooses
  std::int64_t stop_grace_ms = 10'000;
  std::int64_t restarts_max = 5;
  std::optional<std::int64_t> drain_ms;  ///< absent: `drain_ms_default`, so that earlier documents keep their digests
};
MODELOPS_DESCRIBE(ProcessPlan, command, port, stop_grace_ms, restarts_max, drain_ms);

inline constexpr int document_spec_version = 1;

/// Nothing in it changes once it is stored: what the catalogue said is written out, a secret is named by its id.
struct RevisionDocument {
  int spec_version = document_spec_version;
  PinnedVersion version;
  std::int64_t replicas = 1;
  std::string engine;
  EngineFlags flags;
  std::string engine_model;  ///< what the engine calls the model
  std::string model_file;
  double cpus_max = 0;
  std::int64_t memory_bytes_max = 0;
  std::vector<EnvironmentVariable> environment_variables;
  targets::Probe readiness;
  targets::Probe liveness;
  std::int64_t startup_ms_max = 600'000;
  Limits limits;
  std::variant<ProcessPlan> runtime;
  static constexpr Doc docs[] = {{"replicas", "How many were wanted when it was made; scaling makes no revision"}};
};
MODELOPS_DESCRIBE(RevisionDocument, spec_version, version, replicas, engine, flags, engine_model, model_file, cpus_max,
                  memory_bytes_max, environment_variables, readiness, liveness, startup_ms_max, limits, runtime);

/// Builds the document for an agent that runs processes. Throws Error(unprocessable) that names the offending field.
RevisionDocument make_document(const DeploymentSpec& spec, const ResolvedVersion& version,
                               const EngineCatalogue& catalogue, std::int64_t replicas);
/// The canonical text: members in their order, maps sorted, nothing optional that is absent. Frozen by a test.
std::string canonical(const RevisionDocument& document);
std::string digest_of(const RevisionDocument& document);
std::chrono::milliseconds drain_time(const RevisionDocument& document);
/// True when two replicas cannot run side by side.
bool has_fixed_port(const RevisionDocument& document);

/// One difference between documents, at a JSON Pointer; nothing where one of them has nothing.
struct DocumentChange {
  std::string pointer;
  std::optional<boost::json::value> before;
  std::optional<boost::json::value> after;
};
MODELOPS_DESCRIBE(DocumentChange, pointer, before, after);
std::vector<DocumentChange> diff(const RevisionDocument& before, const RevisionDocument& after);

}  // namespace modelops::deployments
