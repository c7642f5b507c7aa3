#include "dataplane/machine/identity.hpp"

#include <sys/stat.h>

#include "base/error.hpp"
#include "base/text.hpp"
#include "dataplane/machine/files.hpp"
#include "dataplane/machine/session.hpp"
#include "platform/crypto/seal.hpp"
#include "platform/crypto/token.hpp"
#include "platform/http/client.hpp"
#include "reflect/json.hpp"

namespace modelops::machine {
namespace {

/// Identity as it is written: private keys as text, in this file only.
struct IdentityFile {
  std::string server_url;
  std::string machine_id;
  std::string target_id;
  std::string organization;
  std::string signing_key;
  std::string sealing_key;
  std::vector<ServerKey> server_keys;
  Time renewed_at;
  Time expires_at;
  std::string token_digest;
};
MODELOPS_DESCRIBE(IdentityFile, server_url, machine_id, target_id, organization, signing_key, sealing_key, server_keys,
                  renewed_at, expires_at, token_digest);

constexpr std::size_t file_bytes_max = 64 * 1024;
constexpr std::size_t server_keys_max = 2;

std::string without_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

}  // namespace

void Identity::accept(const targets::Enrolled& enrolled, Time now) {
  if (from_base64url(enrolled.server_public_key).value_or("").size() != 32 || enrolled.server_key_id.empty() ||
      enrolled.machine_id.empty() || enrolled.expires_at <= now) {
    fail(ErrorCode::bad_gateway, "The server's answer about this machine is not usable: its key or times are wrong.");
  }
  machine_id = enrolled.machine_id;
  target_id = enrolled.target_id;
  organization = enrolled.organization;
  renewed_at = now;
  expires_at = enrolled.expires_at;
  const auto known = std::ranges::find(server_keys, enrolled.server_key_id, &ServerKey::id);
  if (known != server_keys.end()) return;
  server_keys.push_back({enrolled.server_key_id, enrolled.server_public_key});
  if (server_keys.size() > server_keys_max) server_keys.erase(server_keys.begin());
}

Identity enroll(const std::string& server_url, const std::string& token, const Introduction& introduction,
                const Clock& clock, std::stop_token stop) {
  Identity identity;
  identity.server_url = without_slash(server_url);
  identity.signing = crypto::make_signing_key();
  identity.sealing = crypto::make_sealing_key();
  identity.token_digest = crypto::token_digest(token);
  const targets::EnrollMachine request{.protocol = {targets::protocol_version},
                                       .token = {token},
                                       .public_key = {to_base64url(identity.signing.public_key)},
                                       .sealing_key = {to_base64url(identity.sealing.public_key)},
                                       .version = introduction.version,
                                       .inventory = introduction.inventory};
  http::Client client(http::own_server_options());
  http::ClientRequest http_request{.method = http::Method::post,
                                   .url = identity.server_url + "/api/v1/machines/enroll",
                                   .body = reflect::to_json(request),
                                   .stop = std::move(stop)};
  http_request.headers.add("Content-Type", "application/json");
  const http::Response response = client.send(http_request);
  if (response.status / 100 != 2) {
    fail(error_code_from_status(response.status), "The server refused the enrolment: " + problem_detail(response));
  }
  identity.accept(reflect::from_stored_json<targets::Enrolled>(response.body), clock.now());
  return identity;
}

std::optional<Identity> load_identity(const std::filesystem::path& file) {
  struct stat status{};
  if (::stat(file.c_str(), &status) == 0 && (status.st_mode & 077) != 0) {
    fail(ErrorCode::invalid,
         fmt::format("The machine's key file {0} may be read by others: run 'chmod 600 {0}'.", file.string()));
  }
  const auto text = read_file(file, file_bytes_max);
  if (!text) return std::nullopt;
  try {
    auto stored = reflect::from_stored_json<IdentityFile>(*text);
    const auto key = [](const std::string& encoded) { return Secret(from_base64url(encoded).value_or("")); };
    Identity out{.server_url = stored.server_url,
                 .machine_id = stored.machine_id,
                 .target_id = stored.target_id,
                 .organization = stored.organization,
                 .signing = crypto::signing_key_from(key(stored.signing_key)),
                 .sealing = crypto::sealing_key_from(key(stored.sealing_key)),
                 .server_keys = stored.server_keys,
                 .renewed_at = stored.renewed_at,
                 .expires_at = stored.expires_at,
                 .token_digest = stored.token_digest};
    if (out.server_keys.empty()) fail(ErrorCode::invalid, "no server key");
    return out;
  } catch (const Error& error) {
    fail(ErrorCode::invalid,
         fmt::format("The machine's key file {} is damaged: remove it and enroll with a new token.", file.string()),
         error.message);
  }
}

void save_identity(const std::filesystem::path& file, const Identity& identity) {
  const IdentityFile stored{.server_url = identity.server_url,
                            .machine_id = identity.machine_id,
                            .target_id = identity.target_id,
                            .organization = identity.organization,
                            .signing_key = to_base64url(identity.signing.private_key.reveal()),
                            .sealing_key = to_base64url(identity.sealing.private_key.reveal()),
                            .server_keys = identity.server_keys,
                            .renewed_at = identity.renewed_at,
                            .expires_at = identity.expires_at,
                            .token_digest = identity.token_digest};
  write_file(file, reflect::to_json(stored));
}

}  // namespace modelops::machine
