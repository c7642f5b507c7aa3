#pragma once
// For tests: a control plane that speaks targets/wire.hpp over real HTTP and checks every signature.
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "base/error.hpp"
#include "base/eventually_test.hpp"
#include "base/id.hpp"
#include "base/text.hpp"
#include "platform/crypto/hash.hpp"
#include "platform/crypto/sign.hpp"
#include "platform/http/server.hpp"
#include "reflect/json.hpp"
#include "targets/wire.hpp"

namespace modelops::testing {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "modelops-machine-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class ControlPlane final : public http::Handler {
 public:
  ControlPlane() {
    rotate_key();
    start();
  }
  ~ControlPlane() override { stop(); }

  // ---- life
  void start() {
    http::ServerOptions options;
    options.port = port_;
    options.io_threads = 1;
    // The port of a server that has just ended may be in use for a moment longer.
    ASSERT_TRUE(eventually([&] {
      try {
        server_ = std::make_unique<http::Server>(options, *this, topics_);
        return true;
      } catch (const Error&) {
        return false;
      }
    }));
    port_ = server_->port();
  }
  void stop() { server_.reset(); }
  std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }

  // ---- what it says
  std::string new_token() {
    std::lock_guard lock(mutex_);
    token_ = "mo_enroll_" + new_uuid7();
    return token_;
  }
  void rotate_key() {
    std::lock_guard lock(mutex_);
    keys_.push_back({"key-" + std::to_string(keys_.size() + 1), crypto::make_signing_key()});
  }
  void want(std::vector<targets::DesiredReplica> replicas) {
    {
      std::lock_guard lock(mutex_);
      ++desired_.generation;
      desired_.replicas = std::move(replicas);
    }
    topics_.notify("desired");
  }
  std::string put_artifact(std::string bytes) {
    std::lock_guard lock(mutex_);
    std::string digest = crypto::sha256_hex(bytes);
    artifacts_[digest] = std::move(bytes);
    return digest;
  }
  void put_artifact_as(const std::string& digest, std::string bytes) {
    std::lock_guard lock(mutex_);
    artifacts_[digest] = std::move(bytes);
  }

  // Set before they are needed, or while nobody asks.
  std::atomic<bool> revoked = false;
  std::atomic<bool> refuse_unsigned = false;
  std::atomic<bool> sign_with_strange_key = false;
  std::atomic<std::size_t> artifact_bytes_max = SIZE_MAX;  ///< then the connection ends, once

  // ---- what it heard
  std::optional<targets::ObservedReplica> observed(const std::string& id) const {
    std::lock_guard lock(mutex_);
    for (const auto& replica : report_.replicas) {
      if (replica.replica_id == id) return replica;
    }
    return std::nullopt;
  }
  bool await(const std::string& id, targets::ReplicaState state) {
    return await(id, [&](const targets::ObservedReplica& replica) { return replica.state == state; });
  }
  template <class Condition>
  bool await(const std::string& id, Condition condition) {
    return eventually([&] {
      const auto replica = observed(id);
      return replica && condition(*replica);
    });
  }
  std::int64_t reported_generation() const {
    std::lock_guard lock(mutex_);
    return report_.generation;
  }
  std::optional<targets::Inventory> inventory() const {
    std::lock_guard lock(mutex_);
    return inventory_;
  }
  std::vector<targets::ObservedReplica> history() const {
    std::lock_guard lock(mutex_);
    return history_;
  }
  std::vector<std::string> lines(const std::string& id, const std::string& stream) const {
    std::lock_guard lock(mutex_);
    std::vector<std::string> out;
    for (const auto& line : lines_) {
      if (line.replica_id == id && line.stream == stream) out.push_back(line.line);
    }
    return out;
  }
  std::string sealing_key() const {
    std::lock_guard lock(mutex_);
    return *from_base64url(*enrolled_->sealing_key);
  }
  int renewals() const {
    std::lock_guard lock(mutex_);
    return renewals_;
  }
  std::vector<std::string> ranges() const {
    std::lock_guard lock(mutex_);
    return ranges_;
  }

  // ---- http::Handler
  http::Plan plan(const http::Request&) noexcept override {
    http::Plan plan;
    plan.route_name = "machines";
    return plan;
  }
  std::unique_ptr<http::BodySink> receive(const http::Plan&, const http::Request&) override { return nullptr; }

  http::Answer handle(const http::Plan&, http::Request&& request) override {
    if (request.path == "/api/v1/machines/enroll") return enroll(request);
    if (refuse_unsigned) fail(ErrorCode::unauthenticated, "A stranger says no.");
    authenticate(request);
    const std::string nonce(request.headers.get("X-ModelOps-Nonce"));
    const std::string pinned(request.headers.get("X-ModelOps-Server-Key"));
    if (revoked) {
      return sign({.status = 401, .headers = {}, .body = R"({"detail":"This machine was revoked."})"}, nonce, pinned);
    }
    if (request.path == "/api/v1/machines/desired") return desired(request, nonce, pinned);
    if (request.path.starts_with("/api/v1/machines/artifacts/")) return artifact(request);
    if (request.path == "/api/v1/machines/renew") {
      std::lock_guard lock(mutex_);
      ++renewals_;
      return sign(json(enrolled()), nonce, pinned);
    }
    std::lock_guard lock(mutex_);
    if (request.path == "/api/v1/machines/observed") {
      report_ = reflect::from_json<targets::ReportObserved>(request.body);
      if (report_.inventory) inventory_ = report_.inventory;
      history_.insert(history_.end(), report_.replicas.begin(), report_.replicas.end());
    } else if (request.path == "/api/v1/machines/logs") {
      auto logs = reflect::from_json<targets::ReportLogs>(request.body);
      EXPECT_LE(logs.lines.size(), 1000u);
      if (logs.batch > batch_) lines_.insert(lines_.end(), logs.lines.begin(), logs.lines.end());
      batch_ = std::max(batch_, logs.batch);
    } else {
      fail(ErrorCode::not_found, "There is nothing here.");
    }
    return sign({.status = 204, .headers = {}, .body = {}}, nonce, pinned);
  }

 private:
  struct Key {
    std::string id;
    crypto::KeyPair pair;
  };

  static http::Response json(const auto& value) {
    http::Response response;
    response.headers.add("Content-Type", "application/json");
    response.body = reflect::to_json(value);
    return response;
  }

  http::Response sign(http::Response response, const std::string& nonce, const std::string& pinned) const {
    const auto key = std::ranges::find(keys_, pinned, &Key::id);
    const crypto::KeyPair pair = sign_with_strange_key ? crypto::make_signing_key() : key->pair;
    response.headers.set("X-ModelOps-Key", key->id);
    response.headers.set(
        "X-ModelOps-Signature",
        to_base64url(crypto::sign(pair.private_key, targets::answer_to_sign(nonce, response.status, response.body))));
    return response;
  }

  targets::Enrolled enrolled() const {
    return {"mch_1",
            "tgt_1",
            "org_1",
            keys_.back().id,
            to_base64url(keys_.back().pair.public_key),
            SystemClock().now() + std::chrono::hours(1)};
  }

  http::Answer enroll(const http::Request& request) {
    std::lock_guard lock(mutex_);
    auto asked = reflect::from_json<targets::EnrollMachine>(request.body);
    if (token_.empty() || *asked.token != token_) fail(ErrorCode::unauthenticated, "The token is unknown or used.");
    token_.clear();
    enrolled_ = asked;
    revoked = false;
    return json(enrolled());
  }

  void authenticate(const http::Request& request) {
    std::lock_guard lock(mutex_);
    const http::Headers& headers = request.headers;
    const std::string time(headers.get("X-ModelOps-Time"));
    const std::string nonce(headers.get("X-ModelOps-Nonce"));
    const std::string target = request.query.empty() ? request.path : request.path + "?" + request.query;
    const std::string text =
        targets::request_to_sign(http::method_name(request.method), target, request.body, time, nonce);
    if (!enrolled_ || !crypto::verify(*from_base64url(*enrolled_->public_key), text,
                                      from_base64url(headers.get("X-ModelOps-Signature")).value_or("")))
      fail(ErrorCode::unauthenticated, "The request is not signed by an enrolled machine.");
    if (std::abs(parse_int(time).value_or(0) - SystemClock().now().us) > 300'000'000)
      fail(ErrorCode::unauthenticated, "The request is too old or too new.");
    if (!nonces_.insert(nonce).second) fail(ErrorCode::unauthenticated, "The nonce was used before.");
  }

  http::Answer desired(const http::Request& request, const std::string& nonce, const std::string& pinned) {
    std::int64_t after = -1;
    std::int64_t wait_s = 0;
    for (const auto& [name, value] : http::parse_query(request.query)) {
      if (name == "after") after = parse_int(value).value_or(-1);
      if (name == "wait_s") wait_s = parse_int(value).value_or(0);
    }
    http::LongPoll poll;
    poll.topic = "desired";
    poll.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(wait_s);
    poll.poll = [this, after, nonce, pinned](bool last) -> std::optional<http::Response> {
      std::lock_guard lock(mutex_);
      if (desired_.generation == after && !last) return std::nullopt;
      return sign(json(desired_), nonce, pinned);
    };
    return poll;
  }

  http::Answer artifact(const http::Request& request) {
    std::lock_guard lock(mutex_);
    const auto found = artifacts_.find(request.path.substr(std::string("/api/v1/machines/artifacts/").size()));
    if (found == artifacts_.end()) fail(ErrorCode::not_found, "Nothing that should run here needs this file.");
    const std::string range(request.headers.get("Range"));
    ranges_.push_back(range);
    std::size_t from = 0;
    if (!range.empty()) from = static_cast<std::size_t>(*parse_int(range.substr(6, range.size() - 7)));  // bytes=N-
    struct Source final : http::BodySource {
      std::string bytes;
      std::size_t cut = SIZE_MAX;
      std::size_t at = 0;
      std::size_t read(std::span<char> into) override {
        if (at >= cut) throw std::runtime_error("the connection is cut");
        const std::size_t count = std::min({into.size(), bytes.size() - at, cut - at});
        std::copy_n(bytes.data() + at, count, into.data());
        at += count;
        return count;
      }
    };
    auto source = std::make_unique<Source>();
    source->bytes = found->second.substr(from);
    source->cut = artifact_bytes_max.exchange(SIZE_MAX);
    http::Download download;
    download.head.status = range.empty() ? 200 : 206;
    if (!range.empty())
      download.head.headers.add("Content-Range",
                                fmt::format("bytes {}-{}/{}", from, found->second.size() - 1, found->second.size()));
    download.length_bytes = source->bytes.size();
    download.source = std::move(source);
    return download;
  }

  mutable std::mutex mutex_;
  events::Topics topics_;
  std::uint16_t port_ = 0;
  std::vector<Key> keys_;
  std::string token_;
  std::optional<targets::EnrollMachine> enrolled_;
  std::set<std::string> nonces_;
  targets::DesiredState desired_;
  targets::ReportObserved report_;
  std::optional<targets::Inventory> inventory_;
  std::vector<targets::ObservedReplica> history_;
  std::vector<targets::ReplicaLogLine> lines_;
  std::int64_t batch_ = 0;
  std::map<std::string, std::string> artifacts_;
  std::vector<std::string> ranges_;
  int renewals_ = 0;
  std::unique_ptr<http::Server> server_;
};

}  // namespace modelops::testing
