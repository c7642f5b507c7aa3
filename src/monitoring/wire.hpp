#pragma once
// What a gateway reports about the deployments that it serves: protocol version 1. POST /api/v1/machines/metrics,
// signed like every request of a machine (targets/wire.hpp), about every two seconds, answered 204.
//
// A report holds differences, never totals. It is repeated unchanged until it is answered, and counted once: reports of
// one run of a gateway have growing sequence numbers. What the server refuses (4xx) is dropped; while the server is
// away a gateway keeps the last hour. A deployment that the server does not know (any more) is passed over.
#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "reflect/schema.hpp"

namespace modelops::monitoring {

inline constexpr int protocol_version = 1;
/// Buckets of time begin at multiples of this since 1970, by the gateway's clock.
inline constexpr std::chrono::seconds fine_step{5};
inline constexpr std::size_t deployments_per_report_max = 500;  ///< over all buckets of time
inline constexpr std::size_t buckets_per_report_max = 800;
inline constexpr std::int64_t count_max = 1'000'000'000'000;  ///< of anything in one bucket

/// The start of the bucket of time that `time` falls into.
constexpr Time bucket_start(Time time, std::chrono::microseconds step) { return {time.us - time.us % step.count()}; }

/// Observations in microseconds, by buckets that are the same everywhere, so that histograms can be added up: 16 of
/// them to each doubling, 1 µs wide below 32 µs. Only those with a count are listed, in their order.
struct Histogram {
  std::vector<int> buckets;
  std::vector<std::int64_t> counts;
  bool operator==(const Histogram&) const = default;
};
MODELOPS_DESCRIBE(Histogram, buckets, counts);

inline constexpr int histogram_buckets = 432;  ///< up to 2^30 µs, 18 minutes; what is longer counts as that

constexpr int histogram_bucket(std::int64_t us) {
  const auto value = static_cast<std::uint64_t>(std::clamp<std::int64_t>(us, 0, (1LL << 30) - 1));
  if (value < 16) return static_cast<int>(value);
  const int exponent = static_cast<int>(std::bit_width(value)) - 5;
  return exponent * 16 + static_cast<int>(value >> exponent);
}
/// The least value of a bucket and how many values it spans.
constexpr std::int64_t bucket_lower_us(int bucket) {
  return bucket < 16 ? bucket : std::int64_t{bucket % 16 + 16} << (bucket / 16 - 1);
}
constexpr std::int64_t bucket_width_us(int bucket) { return bucket < 32 ? 1 : std::int64_t{1} << (bucket / 16 - 1); }

inline void add(Histogram& to, int bucket, std::int64_t count) {
  const auto at = std::ranges::lower_bound(to.buckets, bucket);
  const auto index = at - to.buckets.begin();
  if (at != to.buckets.end() && *at == bucket) {
    to.counts[static_cast<std::size_t>(index)] += count;
  } else {
    to.buckets.insert(at, bucket);
    to.counts.insert(to.counts.begin() + index, count);
  }
}
inline void add(Histogram& to, const Histogram& from) {
  for (std::size_t i = 0; i < from.buckets.size(); ++i) add(to, from.buckets[i], from.counts[i]);
}

/// What was counted during one bucket of time.
struct Traffic {
  std::int64_t requests = 0;       ///< answered, or given up by the client
  std::int64_t client_errors = 0;  ///< 4xx
  std::int64_t server_errors = 0;  ///< 5xx, and answers that broke off
  std::int64_t tokens_in = 0;
  std::int64_t tokens_out = 0;
  std::int64_t in_flight_us = 0;  ///< requests under way times how long: divided by time, how many there were
  std::int64_t queued_us = 0;     ///< the same of requests that waited for a replica
  Histogram duration;             ///< from a request's first byte to its answer's last
  Histogram first_token;          ///< from a request's first byte to the first event of its stream
  Histogram token_gap;            ///< between two pieces of a stream
  bool operator==(const Traffic&) const = default;
};
MODELOPS_DESCRIBE(Traffic, requests, client_errors, server_errors, tokens_in, tokens_out, in_flight_us, queued_us,
                  duration, first_token, token_gap);

inline void add(Traffic& to, const Traffic& from) {
  to.requests += from.requests;
  to.client_errors += from.client_errors;
  to.server_errors += from.server_errors;
  to.tokens_in += from.tokens_in;
  to.tokens_out += from.tokens_out;
  to.in_flight_us += from.in_flight_us;
  to.queued_us += from.queued_us;
  add(to.duration, from.duration);
  add(to.first_token, from.first_token);
  add(to.token_gap, from.token_gap);
}

struct DeploymentTraffic {
  std::string deployment_id;
  Traffic traffic;
};
MODELOPS_DESCRIBE(DeploymentTraffic, deployment_id, traffic);

/// One bucket of time. It is reported also without any traffic: then the gateway was there, and nobody called.
struct TrafficBucket {
  Time start;
  std::vector<DeploymentTraffic> deployments;
};
MODELOPS_DESCRIBE(TrafficBucket, start, deployments);

inline constexpr std::size_t requests_per_report_max = 200;
inline constexpr std::size_t spans_per_request_max = 40;
inline constexpr std::size_t attributes_per_span_max = 32;
inline constexpr std::size_t request_text_bytes_max = 1024;  ///< of any text of a request and of its spans

/// A part of a request's time.
struct RequestSpan {
  std::string span_id;
  std::string parent_span_id;
  std::string name;
  std::string kind;  ///< internal, server or client
  double start_ms = 0;
  double duration_ms = 0;
  bool failed = false;
  std::string message;
  std::map<std::string, std::string> attributes;
  static constexpr reflect::Doc docs[] = {
      {"parent_span_id", "Of the caller for the first span, or empty"},
      {"start_ms", "After the request's start"},
      {"message", "Why it failed"},
      {"attributes", "By OpenTelemetry's semantic conventions, and modelops.* of our own"}};
};
MODELOPS_DESCRIBE(RequestSpan, span_id, parent_span_id, name, kind, start_ms, duration_ms, failed, message, attributes);

/// A request that a gateway served: never its content.
struct RecentRequest {
  std::string request_id;
  std::string trace_id;
  Time started_at;
  double duration_ms = 0;
  int status = 0;
  bool failed = false;
  std::string name;
  std::string method;
  std::string path;
  std::string replica_id;
  bool streamed = false;
  std::optional<double> first_byte_ms;
  std::optional<double> first_token_ms;
  std::optional<std::int64_t> tokens_in;
  std::optional<std::int64_t> tokens_out;
  int attempts = 0;
  static constexpr reflect::Doc docs[] = {
      {"request_id", "X-Request-Id of its answer"},
      {"status", "499: the client went away first"},
      {"failed", "Answered with 5xx, or broken off"},
      {"name", "By OpenTelemetry's conventions for generative AI: chat digits-chat; else method and endpoint"},
      {"path", "Without the query"},
      {"replica_id", "Of the last attempt; empty when no replica was asked"},
      {"first_token_ms", "Of a stream: its first event"},
      {"attempts", "How many replicas were asked"}};
};
MODELOPS_DESCRIBE(RecentRequest, request_id, trace_id, started_at, duration_ms, status, failed, name, method, path,
                  replica_id, streamed, first_byte_ms, first_token_ms, tokens_in, tokens_out, attempts);

/// What a gateway tells of one request: of all that failed and a share of the others, within bounds.
struct RequestTrace {
  std::string deployment_id;
  std::string key_id;
  RecentRequest request;
  std::vector<RequestSpan> spans;  ///< the whole request first
};
MODELOPS_DESCRIBE(RequestTrace, deployment_id, key_id, request, spans);

struct ReportMetrics {
  reflect::Required<int> protocol;
  reflect::Required<std::string> run;  ///< names this run of the gateway: 1 to 64 characters
  reflect::Required<std::int64_t> sequence;
  std::vector<TrafficBucket> buckets;
  std::string address = {};  ///< where the gateway listens, "0.0.0.0:18088": its /metrics is found there
  std::vector<RequestTrace> requests = {};
};
MODELOPS_DESCRIBE(ReportMetrics, protocol, run, sequence, buckets, address, requests);

}  // namespace modelops::monitoring
