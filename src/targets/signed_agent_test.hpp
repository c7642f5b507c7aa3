#pragma once
// An agent in a test: signs what it asks, checks what it is told.
#include "base/text.hpp"
#include "platform/crypto/seal.hpp"
#include "targets/machines.hpp"

namespace modelops::targets::testing {

struct SignedAgent {
  crypto::KeyPair signing = crypto::make_signing_key();
  crypto::KeyPair sealing = crypto::make_sealing_key();
  Enrolled enrolled;

  EnrollMachine enrollment(const std::string& token) const {
    EnrollMachine out;
    out.protocol = {protocol_version};
    out.token = {token};
    out.public_key = {to_base64url(signing.public_key)};
    out.sealing_key = {to_base64url(sealing.public_key)};
    out.version = "0.1.0";
    out.inventory.hostname = "host";
    out.inventory.drivers = {"process"};
    return out;
  }
  http::Request request(http::Method method, const std::string& path, Time now, std::string query = {},
                        std::string body = {}) const {
    http::Request out;
    out.method = method;
    out.path = path;
    out.query = std::move(query);
    out.body = std::move(body);
    out.remote_address = "127.0.0.1";
    sign(out, now);
    return out;
  }
  void sign(http::Request& request, Time now) const {
    const std::string nonce = to_base64url(random_bytes(16));
    const std::string time = std::to_string(now.us);
    const std::string target = request.query.empty() ? request.path : request.path + "?" + request.query;
    request.headers.set("X-ModelOps-Machine", enrolled.machine_id);
    request.headers.set("X-ModelOps-Time", time);
    request.headers.set("X-ModelOps-Nonce", nonce);
    request.headers.set(
        "X-ModelOps-Signature",
        to_base64url(crypto::sign(signing.private_key, request_to_sign(http::method_name(request.method), target,
                                                                       request.body, time, nonce))));
  }
  /// True when the server that was pinned at enrolment gave this answer to that request.
  bool trusts(const http::Request& request, const http::Response& response) const {
    const auto signature = from_base64url(response.headers.get("X-ModelOps-Signature"));
    return signature && response.headers.get("X-ModelOps-Key") == enrolled.server_key_id &&
           crypto::verify(from_base64url(enrolled.server_public_key).value(),
                          answer_to_sign(request.headers.get("X-ModelOps-Nonce"), response.status, response.body),
                          *signature);
  }
};

}  // namespace modelops::targets::testing
