#include "deployments/document.hpp"

#include "base/error.hpp"
#include "platform/crypto/hash.hpp"

namespace modelops::deployments {
namespace {

targets::Probe merged(targets::Probe probe, const ProbeOverride& over, std::string_view pointer) {
  if (over.path) {
    if (!over.path->str().starts_with('/') || over.path->str().find(' ') != std::string::npos)
      fail_field(std::string(pointer) + "/path", "must be a path that starts with '/'");
    probe.path = over.path->str();
  }
  if (over.period_ms) probe.period_ms = over.period_ms->number();
  if (over.timeout_ms) probe.timeout_ms = over.timeout_ms->number();
  if (over.failures_max) probe.failures_max = over.failures_max->number();
  return probe;
}

const Engine& chosen_engine(const DeploymentSpec& spec, const ResolvedVersion& version,
                            const EngineCatalogue& catalogue) {
  const std::string id = spec.engine ? spec.engine->str() : version.recommended_engine;
  if (id.empty()) fail_field("/engine", "is required: the version recommends none. GET /api/v1/engines lists them");
  const Engine* engine = catalogue.find(id);
  if (engine == nullptr)
    fail_field("/engine", fmt::format("must be an engine of GET /api/v1/engines; there is no {}", id));
  if (std::ranges::find(engine->drivers, EngineDriver::process) == engine->drivers.end())
    fail_field("/engine",
               fmt::format("{} runs in containers only, and this target runs processes. Choose an engine that lists "
                           "the driver process, or a target that runs containers",
                           *engine->name));
  return *engine;
}

std::string chosen_file(const DeploymentSpec& spec, const ResolvedVersion& version, const Engine& engine) {
  if (spec.model_file) {
    const auto has = std::ranges::any_of(
        version.files, [&](const targets::ArtifactFile& file) { return file.path == spec.model_file->str(); });
    if (!has) fail_field("/model_file", "must be the path of a file of this version");
  }
  const auto found = spec.model_file ? std::optional(spec.model_file->str()) : model_file(engine, version.files);
  if (!found)
    fail_field("/engine", fmt::format("{} reads files such as {}, and {} version {} has none. Choose another engine",
                                      *engine.name, engine.model_files.back(), version.model_name, version.number));
  // The agent replaces what stands in braces.
  if (found->find_first_of("{}") != std::string::npos)
    fail_field("/model_file", "must not hold '{' or '}': rename the file in a new version");
  return *found;
}

void add_differences(const std::string& pointer, const boost::json::value* before, const boost::json::value* after,
                     std::vector<DocumentChange>& out) {
  const auto is_object = [](const boost::json::value* value) { return value != nullptr && value->is_object(); };
  if (is_object(before) && is_object(after)) {
    for (const auto& [key, value] : before->as_object())
      add_differences(pointer + "/" + std::string(key), &value, after->as_object().if_contains(key), out);
    for (const auto& [key, value] : after->as_object())
      if (!before->as_object().contains(key)) add_differences(pointer + "/" + std::string(key), nullptr, &value, out);
    return;
  }
  if (before != nullptr && after != nullptr && *before == *after) return;
  DocumentChange change{pointer, {}, {}};
  if (before != nullptr) change.before = *before;
  if (after != nullptr) change.after = *after;
  out.push_back(std::move(change));
}

}  // namespace

bool VariableNameRule::accepts(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto is_word = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); };
  if (text.empty() || text.size() > max || !is_letter(text.front()) || !std::ranges::all_of(text, is_word))
    return false;
  return !text.starts_with("LD_") && !text.starts_with("DYLD_") && text != "PATH" && text != "PYTHONPATH" &&
         text != "GCONV_PATH";
}

RevisionDocument make_document(const DeploymentSpec& spec, const ResolvedVersion& version,
                               const EngineCatalogue& catalogue, std::int64_t replicas) {
  const Engine& engine = chosen_engine(spec, version, catalogue);
  RevisionDocument out;
  out.version = {version.model_id, version.model_name, version.version_id,
                 version.number,   version.digest,     version.interface};
  out.replicas = replicas;
  out.engine = *engine.id;
  out.flags = checked_flags(engine, spec.flags);
  out.engine_model = version.model_name;
  out.model_file = chosen_file(spec, version, engine);
  if (spec.resources.cpus) {
    if (!(*spec.resources.cpus >= 0.01 && *spec.resources.cpus <= 1024))
      fail_field("/resources/cpus", "must be a number from 0.01 to 1024");
    out.cpus_max = *spec.resources.cpus;
  }
  if (spec.resources.memory_bytes) out.memory_bytes_max = spec.resources.memory_bytes->number();
  out.environment_variables = spec.environment_variables;
  out.readiness = merged(engine.readiness, spec.probes.readiness, "/probes/readiness");
  out.liveness = merged(engine.liveness, spec.probes.liveness, "/probes/liveness");
  out.startup_ms_max = spec.probes.startup_ms_max ? spec.probes.startup_ms_max->number() : engine.startup_ms_max;
  out.limits = spec.limits;
  const auto& process = std::get<ProcessRuntime>(spec.runtime);
  if (process.port && replicas > 1)
    fail_field("/runtime/port", "is for a single replica; leave it out, and the agent chooses a port for each");
  out.runtime = ProcessPlan{
      command_line(engine, out.flags, out.engine_model, out.model_file), process.port ? process.port->number() : 0,
      process.stop_grace_ms.number(), process.restarts_max.number(),
      process.drain_ms.number() == drain_ms_default ? std::nullopt
                                                    : std::optional<std::int64_t>(process.drain_ms.number())};
  return out;
}

std::string canonical(const RevisionDocument& document) { return reflect::to_json(document); }

std::string digest_of(const RevisionDocument& document) { return crypto::sha256_hex(canonical(document)); }

std::chrono::milliseconds drain_time(const RevisionDocument& document) {
  return std::chrono::milliseconds(std::get<ProcessPlan>(document.runtime).drain_ms.value_or(drain_ms_default));
}

bool has_fixed_port(const RevisionDocument& document) { return std::get<ProcessPlan>(document.runtime).port != 0; }

std::vector<DocumentChange> diff(const RevisionDocument& before, const RevisionDocument& after) {
  std::vector<DocumentChange> out;
  const auto old_tree = reflect::parse_json_value(canonical(before));
  const auto new_tree = reflect::parse_json_value(canonical(after));
  add_differences("", &old_tree, &new_tree, out);
  return out;
}

}  // namespace modelops::deployments
