#pragma once
#include <chrono>
#include <filesystem>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "dataplane/machine/identity.hpp"
#include "platform/http/client.hpp"

namespace modelops::machine {

/// True when trying again is of no use: the server does not know this machine any more, or has revoked it.
bool is_final(const Error& error);

/// What a problem document says to people, or the status when it is none.
std::string problem_detail(const http::Response& response);

/// A machine's conversation with its server. Thread-safe.
class Session {
 public:
  /// `file` is where the identity is kept when it is renewed; `version` is the program's.
  Session(Identity identity, std::filesystem::path file, std::string version, const Clock& clock);

  struct Call {
    http::Method method = http::Method::get;
    std::string target;  ///< path and query: "/api/v1/machines/desired?after=0"
    std::string body = {};
    std::chrono::milliseconds timeout{60'000};
    std::stop_token stop = {};
  };
  /// Sends a signed request and returns a 2xx answer that this machine's server signed. Throws Error: `is_final` ones
  /// end the conversation; all others may be tried again. A clock that is off says so.
  http::Response send(const Call& call);

  /// GETs bytes from `offset` on, unchecked: the caller knows their digest. `begin(offset)` says where they really
  /// begin, before the first `receive`. Throws Error, with not_found when the server has no such thing.
  void download(const std::string& target, std::uint64_t offset, const std::function<void(std::uint64_t)>& begin,
                const std::function<void(std::string_view)>& receive, std::stop_token stop);

  /// Asks for a longer life when half of this one is over.
  void renew_when_due(std::stop_token stop);

  Identity identity() const;
  /// Opens what the server sealed to this machine. Throws Error(unprocessable).
  Secret open_sealed(std::string_view sealed, std::string_view context) const;

 private:
  struct Signed {
    http::ClientRequest request;
    std::string nonce;
  };
  Signed sign(const Call& call) const;
  bool is_signed_by_server(const http::Response& response, const std::string& nonce) const;
  [[noreturn]] void refuse(const http::Response& response, bool is_signed) const;

  const std::filesystem::path file_;
  const std::string version_;
  const Clock& clock_;
  http::Client client_;
  mutable std::mutex mutex_;
  Identity identity_;
};

}  // namespace modelops::machine
