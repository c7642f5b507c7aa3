#include "dataplane/agent/launch.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "platform/crypto/hash.hpp"
#include "reflect/json.hpp"

namespace modelops::agent {
namespace {

constexpr std::size_t arguments_max = 512;
constexpr std::size_t text_bytes_max = 64 * 1024;
constexpr std::size_t files_max = 100'000;

bool is_name(std::string_view text, std::string_view also) {
  return !text.empty() && text.size() <= 128 && text.front() != '.' && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || also.find(c) != also.npos;
  });
}

bool is_text(std::string_view text) { return text.size() <= text_bytes_max && text.find('\0') == text.npos; }

bool is_variable(std::string_view name) {
  return is_name(name, "_") && !(name.front() >= '0' && name.front() <= '9') && name != nonce_variable;
}

bool is_probe(const targets::Probe& probe) {
  return probe.path.starts_with('/') && probe.path.size() <= 1024 &&
         std::ranges::all_of(probe.path, [](char c) { return c > 0x20 && c < 0x7f; }) && probe.period_ms >= 10 &&
         probe.period_ms <= 3'600'000 && probe.timeout_ms >= 10 && probe.timeout_ms <= 600'000 &&
         probe.failures_max >= 1;
}

std::string objection_to_files(const targets::DesiredReplica& replica) {
  if (replica.artifact.empty()) return {};
  if (!is_name(replica.artifact_digest, "_-:")) return "Its artifact digest is not one.";
  if (replica.artifact.size() > files_max) return "It has too many files.";
  std::set<std::string> paths;
  for (const targets::ArtifactFile& file : replica.artifact) {
    if (!reflect::RelativePath::parse(file.path)) {
      return fmt::format("The path of a file {}.", reflect::TextRule<reflect::RelativePath>::says());
    }
    if (!reflect::Sha256Text::parse(file.sha256) || file.size_bytes < 0) {
      return fmt::format("The digest or size of the file {} is not one.", file.path);
    }
    if (!paths.insert(file.path).second) return fmt::format("The file {} is there twice.", file.path);
  }
  for (const std::string& path : paths) {
    for (auto slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1)) {
      if (paths.contains(path.substr(0, slash)))
        return fmt::format("{} is both a file and a folder.", path.substr(0, slash));
    }
  }
  return {};
}

}  // namespace

std::string objection_to(const targets::DesiredReplica& replica) {
  if (!is_name(replica.replica_id, "_-")) return "Its id is not one.";
  if (replica.command.empty() || replica.command.size() > arguments_max) return "It has no command, or too long a one.";
  if (!std::ranges::all_of(replica.command, is_text)) return "An argument of its command is too long or has a NUL.";
  for (const auto& [name, value] : replica.environment) {
    if (!is_variable(name) || !is_text(value)) return fmt::format("The environment variable '{}' is refused.", name);
  }
  for (const targets::SecretVariable& secret : replica.secrets) {
    if (!is_variable(secret.name)) return fmt::format("The secret variable '{}' is refused.", secret.name);
  }
  if (replica.port < 0 || replica.port > 65535) return "Its port is not one.";
  if (!is_probe(replica.readiness) || !is_probe(replica.liveness)) return "Its readiness or liveness probe is refused.";
  if (replica.memory_bytes_max < 0 || !(replica.cpus_max >= 0) || replica.startup_ms_max < 1 ||
      replica.stop_grace_ms < 0 || replica.stop_grace_ms > 3'600'000 || replica.restarts_max < 0) {
    return "A limit of it is out of range.";
  }
  return objection_to_files(replica);
}

std::string digest_of(const targets::DesiredReplica& replica) {
  targets::DesiredReplica copy = replica;
  for (targets::SecretVariable& secret : copy.secrets) secret.sealed.clear();
  copy.metrics.reset();  // how it is watched is no reason to start it anew
  return crypto::sha256_hex(reflect::to_json(copy));
}

std::string expand(std::string_view text, const Placeholders& values) {
  const std::array<std::pair<std::string_view, std::string>, 5> names = {{{"{port}", std::to_string(values.port)},
                                                                          {"{host}", values.host},
                                                                          {"{artifact}", values.artifact.string()},
                                                                          {"{engines}", values.engines.string()},
                                                                          {"{modelops}", values.modelops.string()}}};
  std::string out;
  while (!text.empty()) {
    const auto found = std::ranges::find_if(names, [&](const auto& entry) { return text.starts_with(entry.first); });
    out += found == names.end() ? std::string(1, text.front()) : found->second;
    text.remove_prefix(found == names.end() ? 1 : found->first.size());
  }
  return out;
}

}  // namespace modelops::agent
