#pragma once
// For tests: a control plane, as far as a gateway sees it.
#include "base/text.hpp"
#include "gateway/wire.hpp"
#include "monitoring/wire.hpp"
#include "platform/crypto/sign.hpp"
#include "platform/http/test_peer.hpp"
#include "reflect/json.hpp"
#include "targets/wire.hpp"

namespace modelops::proxy {

class FakeControlPlane {
 public:
  FakeControlPlane() {
    handler_.routes["/api/v1/machines/enroll"] = [this](http::Request&) -> http::Answer {
      targets::Enrolled enrolled;
      enrolled.machine_id = "mch_1";
      enrolled.server_key_id = "svk_1";
      enrolled.server_public_key = to_base64url(key_.public_key);
      enrolled.expires_at = SystemClock().now() + std::chrono::hours(24);
      enrollments.add();
      return answer(reflect::to_json(enrolled), 201);
    };
    handler_.routes["/api/v1/gateway/snapshot"] = [this](http::Request& request) -> http::Answer {
      polls.add();
      http::LongPoll poll;
      poll.topic = "snapshot";
      poll.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(50);
      const std::string nonce(request.headers.get("X-ModelOps-Nonce"));
      poll.poll = [this, nonce, query = request.query](bool last) -> std::optional<http::Response> {
        std::lock_guard lock(mutex_);
        const bool same = query.find(fmt::format("after={}&", snapshot_.version)) != std::string::npos;
        if (same && status_ == 200 && !last) return std::nullopt;
        http::Response response =
            answer(status_ == 200 ? reflect::to_json(snapshot_) : R"({"detail":"revoked"})", status_);
        return signed_answer(nonce, std::move(response), forge_ ? other_ : key_);
      };
      return poll;
    };
    handler_.routes["/api/v1/machines/metrics"] = [this](http::Request& request) -> http::Answer {
      const int status = metrics_status;
      std::lock_guard lock(mutex_);
      reports_.push_back(reflect::from_json<monitoring::ReportMetrics>(request.body));
      reported.add();
      return signed_answer(std::string(request.headers.get("X-ModelOps-Nonce")),
                           answer(status == 204 ? "" : R"({"detail":"no"})", status), key_);
    };
  }

  std::string start() {
    http::ServerOptions options;
    options.port = port_;
    options.drain_linger = std::chrono::milliseconds(10);
    server_.emplace(options, handler_, topics_);
    port_ = server_->port();
    return "http://127.0.0.1:" + std::to_string(port_);
  }
  void stop() { server_.reset(); }
  void set(gateway::Snapshot snapshot, int status = 200, bool forge = false) {
    {
      std::lock_guard lock(mutex_);
      snapshot_ = std::move(snapshot);
      status_ = status;
      forge_ = forge;
    }
    topics_.notify("snapshot");
  }
  /// How reports are answered; they are kept in any case.
  std::atomic<int> metrics_status = 204;
  std::vector<monitoring::ReportMetrics> reports() {
    std::lock_guard lock(mutex_);
    return reports_;
  }
  http::Count enrollments, polls, reported;

 private:
  static http::Response answer(std::string body, int status) {
    http::Response response;
    response.status = status;
    response.headers.add("Content-Type", "application/json");
    response.body = std::move(body);
    return response;
  }
  static http::Response signed_answer(const std::string& nonce, http::Response response, const crypto::KeyPair& key) {
    response.headers.set("X-ModelOps-Key", "svk_1");
    response.headers.set(
        "X-ModelOps-Signature",
        to_base64url(crypto::sign(key.private_key, targets::answer_to_sign(nonce, response.status, response.body))));
    return response;
  }

  const crypto::KeyPair key_ = crypto::make_signing_key(), other_ = crypto::make_signing_key();
  std::mutex mutex_;
  gateway::Snapshot snapshot_;
  std::vector<monitoring::ReportMetrics> reports_;
  int status_ = 200;
  bool forge_ = false;
  events::Topics topics_;
  http::Routes handler_;
  std::uint16_t port_ = 0;
  std::optional<http::Server> server_;
};

}  // namespace modelops::proxy
