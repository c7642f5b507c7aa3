#pragma once
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/secret.hpp"
#include "platform/http/client.hpp"
#include "platform/metrics/metrics.hpp"
#include "platform/tracing/otlp.hpp"

namespace modelops::tracing {

struct ExporterOptions {
  std::string url;      ///< of the collector, "http://localhost:4318": spans go to {url}/v1/traces
  Secret headers;       ///< "name=value,name2=value2", values percent-encoded, as in OTEL_EXPORTER_OTLP_HEADERS
  std::string service;  ///< "modelops-server"
  std::string version;
  double sample_ratio = 1;          ///< of the traces that begin here, 0 to 1; for others the caller has decided
  std::size_t waiting_max = 8'192;  ///< more spans are dropped
  std::size_t batch_max = 512;      ///< in one request
  std::chrono::milliseconds gather_time{1'000};  ///< spans wait so long for others
  std::chrono::milliseconds pause_first{1'000};  ///< after a failure; doubled up to half a minute
  std::chrono::milliseconds request_timeout{10'000};
  std::chrono::milliseconds last_timeout{2'000};  ///< at the end, for what is left
};

/// Sends spans to a collector from construction to destruction. Thread-safe.
class Exporter {
 public:
  /// Throws Error(invalid) for headers or a URL that cannot be used. `registry` outlives this.
  Exporter(ExporterOptions options, metrics::Registry& registry);
  ~Exporter();
  Exporter(const Exporter&) = delete;

  /// The context of a new span below `parent`, or of a new trace. Its `sampled` says whether the span is wanted.
  SpanContext begin(const std::optional<SpanContext>& parent) const;
  /// Never waits. What is not sampled is ignored; what comes while too much waits is dropped and counted.
  void add(Span span);

 private:
  void run(const std::stop_token& stop);
  /// False when it is worth another try.
  bool send(std::span<const Span> batch, std::chrono::milliseconds timeout, const std::stop_token& stop);
  void drop(std::size_t count, std::string_view why);

  const ExporterOptions options_;
  const Resource resource_;
  http::Headers headers_;
  http::Client client_;
  metrics::Counter exported_;
  metrics::Counter dropped_;
  std::chrono::steady_clock::time_point told_at_{};  // of the thread: when a loss was last logged
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<Span> waiting_;  // guarded by mutex_
  std::size_t overflow_ = 0;  // guarded by mutex_: dropped since the thread last looked
  std::jthread thread_;
};

}  // namespace modelops::tracing
