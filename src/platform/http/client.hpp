#pragma once
// The one outgoing HTTP client of the program: blocking, on libcurl, with an address policy.
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "platform/http/types.hpp"

namespace modelops::http {

/// Where a client may connect to. Checked for every connection, against the address that is really used, so that a
/// name that resolves differently the second time gains nothing.
enum class AddressPolicy {
  public_only,  ///< the public internet (address.hpp): for every URL that a user of the product chose
  any,          ///< also loopback and private networks: for the operator's own peers (agents, engines)
};

struct ClientOptions {
  AddressPolicy addresses = AddressPolicy::public_only;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds total_timeout{60'000};  ///< 0: none
  std::chrono::milliseconds idle_timeout{30'000};   ///< without any byte either way; 0: none
  std::uint64_t response_bytes_max = 16 << 20;      ///< of a body that is kept; not for `ClientRequest::receive`
  std::size_t idle_connections_max = 8;             ///< handles kept for the next request
  std::string ca_file;                              ///< PEM; empty: the system's
  std::string certificate_file;                     ///< PEM, shown to servers that ask for one; empty: none
  std::string key_file;                             ///< PEM, of that certificate
  std::string user_agent = "ModelOps";
};

/// Options for the operator's own servers, on any network: MODELOPS_CA_FILE says whom to trust instead of the system's
/// authorities, MODELOPS_CLIENT_CERTIFICATE_FILE and MODELOPS_CLIENT_KEY_FILE what to show them.
ClientOptions own_server_options();

/// A request body that is made while it is sent.
struct UploadSource {
  std::function<std::size_t(std::span<char>)> read;  ///< 0 means the end; may throw, which ends the request
  std::optional<std::uint64_t> length_bytes;         ///< nothing: sent chunked
};

struct ClientRequest {
  Method method = Method::get;
  std::string url;  ///< http or https
  Headers headers;
  std::string body;
  std::optional<UploadSource> upload;  ///< instead of `body`
  /// Takes the body of a 2xx answer while it arrives; false ends the request there. Any other status is kept in
  /// Response::body. May throw, which ends the request.
  std::function<bool(std::string_view)> receive;
  /// Sees status and headers before `receive` gets the first byte; false ends the request there.
  std::function<bool(const Response&)> on_head;
  std::stop_token stop;
  std::optional<std::chrono::milliseconds> total_timeout;  ///< instead of the client's
  std::optional<std::chrono::milliseconds> idle_timeout;   ///< instead of the client's
};

/// Thread-safe; keeps connections for the next request. Follows no redirects, uses no proxy, no cookies.
class Client {
 public:
  explicit Client(ClientOptions options = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Any status that the peer answered is a Response. Throws Error: unavailable (no connection; or stopped),
  /// gateway_timeout, bad_gateway (not HTTP, bad certificate, larger than allowed), forbidden (address policy),
  /// invalid (URL or header). When `receive` or `on_head` said stop, returns what came so far.
  Response send(const ClientRequest& request);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace modelops::http
