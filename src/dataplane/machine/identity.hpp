#pragma once
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "platform/crypto/sign.hpp"
#include "targets/wire.hpp"

namespace modelops::machine {

struct ServerKey {
  std::string id;
  std::string public_key;  ///< base64url
};
MODELOPS_DESCRIBE(ServerKey, id, public_key);

/// Who this machine is, and whose answers it believes.
struct Identity {
  std::string server_url;  ///< without a slash at its end
  std::string machine_id;
  std::string target_id;  ///< empty for a gateway
  std::string organization;
  crypto::KeyPair signing;             ///< Ed25519
  crypto::KeyPair sealing;             ///< X25519
  std::vector<ServerKey> server_keys;  ///< newest last; the one before it is still believed
  Time renewed_at;
  Time expires_at;
  std::string token_digest;  ///< of the token that it was enrolled with

  /// Takes what the server said at enrolment or renewal.
  void accept(const targets::Enrolled& enrolled, Time now);
};

/// What a machine tells of itself when it enrolls.
struct Introduction {
  std::string version;
  targets::Inventory inventory;
};

/// Enrolls with a one-use token and new keys. The server's key is believed at this first use: use https, or a network
/// that you trust. Throws Error: unavailable… when the server cannot be reached (try again), else what it said.
Identity enroll(const std::string& server_url, const std::string& token, const Introduction& introduction,
                const Clock& clock, std::stop_token stop = {});

/// Nothing when `file` does not exist. Throws Error(invalid) with what to do when others may read it or it is damaged.
std::optional<Identity> load_identity(const std::filesystem::path& file);
/// Mode 0600, as a whole or not at all.
void save_identity(const std::filesystem::path& file, const Identity& identity);

}  // namespace modelops::machine
