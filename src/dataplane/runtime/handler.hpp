#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>

#include "dataplane/runtime/model.hpp"
#include "platform/http/types.hpp"

namespace modelops::runtime {

struct HandlerOptions {
  std::string version;                      ///< shown by GET /v2
  std::uint64_t body_bytes_max = 64 << 20;  ///< of an inference request
  unsigned blocking_max = 0;  ///< runs that may take a thread of the server's pool, to save a switch of threads
};

/// The Open Inference Protocol v2 over HTTP, with the model repository extension, /health and /metrics.
/// `repository` and `registry` outlive it.
class RuntimeHandler final : public http::Handler {
 public:
  RuntimeHandler(Repository& repository, metrics::Registry& registry, HandlerOptions options);

  http::Plan plan(const http::Request& head) noexcept override;
  http::Answer handle(const http::Plan& plan, http::Request&& request) override;
  std::unique_ptr<http::BodySink> receive(const http::Plan& plan, const http::Request& head) override;

  /// From now on the server is not ready, so that no new traffic is sent to it.
  void begin_drain() { draining_ = true; }

 private:
  http::Answer infer(http::Request& request, const std::string& name, std::optional<std::int64_t> version);
  http::Response index(const http::Request& request) const;
  http::Response ready() const;
  std::string metrics_text();

  Repository& repository_;
  metrics::Registry& registry_;
  const HandlerOptions options_;
  std::atomic<bool> draining_ = false;
  std::atomic<unsigned> blocking_ = 0;

  std::mutex process_mutex_;
  metrics::Gauge resident_bytes_;
  metrics::Counter cpu_seconds_;
};

}  // namespace modelops::runtime
