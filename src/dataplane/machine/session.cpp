#include "dataplane/machine/session.hpp"

#include <ctime>

#include "base/id.hpp"
#include "base/text.hpp"
#include "platform/crypto/seal.hpp"
#include "reflect/json.hpp"

namespace modelops::machine {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::minutes clock_skew_max{5};

bool is_refusal(int status) { return status == 401 || status == 403 || status == 410; }

/// How far the server's clock is from `now`, by the Date header; nothing when there is none.
std::optional<std::chrono::microseconds> clock_skew(const http::Response& response, Time now) {
  const std::string date(response.headers.get("Date"));
  std::tm parts{};
  const char* end = ::strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return now - Time{static_cast<std::int64_t>(::timegm(&parts)) * 1'000'000};
}

}  // namespace

bool is_final(const Error& error) {
  return error.code == ErrorCode::unauthenticated || error.code == ErrorCode::forbidden ||
         error.code == ErrorCode::gone;
}

std::string problem_detail(const http::Response& response) {
  try {
    const boost::json::value problem = reflect::parse_json_value(response.body);
    const auto* object = problem.if_object();
    const auto* detail = object == nullptr ? nullptr : object->if_contains("detail");
    if (detail != nullptr && detail->is_string()) return std::string(detail->as_string().subview(0, 500));
  } catch (const Error&) {
    // Not from our server: perhaps a proxy's page.
  }
  return fmt::format("status {}", response.status);
}

Session::Session(Identity identity, std::filesystem::path file, std::string version, const Clock& clock)
    : file_(std::move(file)),
      version_(std::move(version)),
      clock_(clock),
      client_(http::own_server_options()),
      identity_(std::move(identity)) {}

Identity Session::identity() const {
  std::lock_guard lock(mutex_);
  return identity_;
}

Secret Session::open_sealed(std::string_view sealed, std::string_view context) const {
  const auto bytes = from_base64url(sealed);
  if (!bytes) fail(ErrorCode::unprocessable, "A sealed value is not base64url.");
  return crypto::open_sealed(identity().sealing, *bytes, context);
}

Session::Signed Session::sign(const Call& call) const {
  const Identity self = identity();
  Signed out{.request = {.method = call.method,
                         .url = self.server_url + call.target,
                         .body = call.body,
                         .stop = call.stop,
                         .total_timeout = call.timeout,
                         .idle_timeout = call.timeout},
             .nonce = to_base64url(random_bytes(16))};
  const std::string time = std::to_string(clock_.now().us);
  const std::string message =
      targets::request_to_sign(http::method_name(call.method), call.target, call.body, time, out.nonce);
  http::Headers& headers = out.request.headers;
  headers.add("X-ModelOps-Machine", self.machine_id);
  headers.add("X-ModelOps-Time", time);
  headers.add("X-ModelOps-Nonce", out.nonce);
  headers.add("X-ModelOps-Server-Key", self.server_keys.back().id);
  headers.add("X-ModelOps-Signature", to_base64url(crypto::sign(self.signing.private_key, message)));
  if (!call.body.empty()) headers.add("Content-Type", "application/json");
  return out;
}

bool Session::is_signed_by_server(const http::Response& response, const std::string& nonce) const {
  const Identity self = identity();
  const auto key = std::ranges::find(self.server_keys, response.headers.get("X-ModelOps-Key"), &ServerKey::id);
  if (key == self.server_keys.end()) return false;
  const std::string message = targets::answer_to_sign(nonce, response.status, response.body);
  return crypto::verify(from_base64url(key->public_key).value_or(""), message,
                        from_base64url(response.headers.get("X-ModelOps-Signature")).value_or(""));
}

void Session::refuse(const http::Response& response, bool is_signed) const {
  const std::string detail = problem_detail(response);
  if (response.status < 400) {
    fail(ErrorCode::bad_gateway,
         "The answer is not signed by the server that this machine enrolled with, so it is not used. If the server was "
         "installed anew, enroll this machine with a new token.",
         fmt::format("status {}, key '{}'", response.status, response.headers.get("X-ModelOps-Key")));
  }
  if (!is_refusal(response.status)) {
    fail(error_code_from_status(response.status), "The server answered: " + detail);
  }
  if (const auto skew = clock_skew(response, clock_.now()); skew && std::chrono::abs(*skew) > clock_skew_max) {
    fail(ErrorCode::unavailable,
         fmt::format("The server refused this machine's signature because its clock is {} minutes {} the server's: set "
                     "the clock (NTP).",
                     std::chrono::duration_cast<std::chrono::minutes>(std::chrono::abs(*skew)).count(),
                     skew->count() > 0 ? "ahead of" : "behind"));
  }
  if (!is_signed) {
    // Anybody on the way can make this up.
    fail(ErrorCode::unavailable, "The server refused this machine, but without its signature: " + detail);
  }
  fail(error_code_from_status(response.status),
       "The server does not accept this machine any more: " + detail + " Enroll it again with a new token.");
}

http::Response Session::send(const Call& call) {
  Signed outgoing = sign(call);
  http::Response response = client_.send(outgoing.request);
  const bool is_signed = is_signed_by_server(response, outgoing.nonce);
  if (!is_signed || response.status / 100 != 2) refuse(response, is_signed);
  return response;
}

void Session::download(const std::string& target, std::uint64_t offset, const std::function<void(std::uint64_t)>& begin,
                       const std::function<void(std::string_view)>& receive, std::stop_token stop) {
  // A large file takes as long as it takes; only silence ends it.
  Signed outgoing = sign({.target = target, .timeout = milliseconds(0), .stop = std::move(stop)});
  outgoing.request.idle_timeout = milliseconds(30'000);
  if (offset > 0) outgoing.request.headers.add("Range", fmt::format("bytes={}-", offset));
  outgoing.request.on_head = [&](const http::Response& head) {
    if (head.status == 200) begin(0);
    if (head.status == 206) {
      if (!head.headers.get("Content-Range").starts_with(fmt::format("bytes {}-", offset))) {
        fail(ErrorCode::bad_gateway, "The server sent another part of the file than was asked for.");
      }
      begin(offset);
    }
    return true;
  };
  outgoing.request.receive = [&](std::string_view bytes) {
    receive(bytes);
    return true;
  };
  const http::Response response = client_.send(outgoing.request);
  if (response.status == 200 || response.status == 206) return;
  // Whether this machine is still welcome is decided by signed answers, not here.
  const bool try_again = is_refusal(response.status) || response.status < 400;
  fail(try_again ? ErrorCode::unavailable : error_code_from_status(response.status),
       "The server did not send the file: " + problem_detail(response));
}

void Session::renew_when_due(std::stop_token stop) {
  const Identity before = identity();
  const Time half_life = before.renewed_at + (before.expires_at - before.renewed_at) / 2;
  if (clock_.now() < half_life) return;
  const targets::RenewMachine request{.protocol = {targets::protocol_version}, .version = version_};
  const http::Response response = send({.method = http::Method::post,
                                        .target = "/api/v1/machines/renew",
                                        .body = reflect::to_json(request),
                                        .stop = std::move(stop)});
  // The answer was signed by a key that is believed already, so a new key in it is believed too.
  std::lock_guard lock(mutex_);
  Identity renewed = identity_;
  renewed.accept(reflect::from_stored_json<targets::Enrolled>(response.body), clock_.now());
  if (renewed.machine_id != identity_.machine_id) {
    fail(ErrorCode::bad_gateway, "The server renewed another machine than this one.");
  }
  save_identity(file_, renewed);
  identity_ = std::move(renewed);
}

}  // namespace modelops::machine
