#pragma once
// From what the server asked for to what is started: checks and placeholders, no I/O.
#include <filesystem>
#include <string>

#include "dataplane/agent/process.hpp"
#include "targets/wire.hpp"

namespace modelops::agent {

/// Why a replica cannot run here whatever happens, for a person; empty when it is in order. Everything in it is
/// bounded and no path in it leaves its folder.
std::string objection_to(const targets::DesiredReplica& replica);

/// What makes a running engine the wanted one: the digest of the replica without its sealed values, which differ each
/// time although they say the same.
std::string digest_of(const targets::DesiredReplica& replica);

/// What the placeholders stand for.
struct Placeholders {
  int port = 0;
  std::string host;
  std::filesystem::path artifact;
  std::filesystem::path engines;
  std::filesystem::path modelops;
};
/// `text` with {port}, {host}, {artifact}, {engines} and {modelops} replaced, once and nothing else.
std::string expand(std::string_view text, const Placeholders& values);

}  // namespace modelops::agent
