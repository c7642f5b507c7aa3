#pragma once
// What is told of single requests: their spans for a collector, and a sample for the control plane.
#include <deque>
#include <mutex>
#include <unordered_map>

#include "dataplane/proxy/endpoint.hpp"
#include "monitoring/wire.hpp"
#include "platform/tracing/span.hpp"

namespace modelops::proxy {

/// The version of OpenTelemetry's conventions for generative AI that names and attributes follow. They are still in
/// development: whoever reads them must know.
inline constexpr std::string_view gen_ai_conventions = "1.37.0";

/// One replica asked.
struct Attempt {
  std::shared_ptr<const Replica> replica;
  std::uint64_t span = 0;
  SteadyTime began{};
  SteadyTime first_byte{};   ///< unset: none came
  SteadyTime ended{};        ///< unset: with the request
  std::string_view failure;  ///< static storage; empty: it served
  std::string server_timing;
};

/// What a request is traced by; all of it is filled while it is served.
struct RequestTrace {
  tracing::SpanContext context;  ///< of the request's own span
  std::uint64_t parent = 0;      ///< the caller's span
  bool continues = false;        ///< the caller's trace goes on here
  SteadyTime queued{};           ///< unset: it did not wait for a replica
  SteadyTime granted{};
  SteadyTime first_token{};
  std::string model;  ///< as the caller named it
  std::vector<Attempt> attempts;
  std::optional<std::int64_t> tokens_in;
  std::optional<std::int64_t> tokens_out;
  bool streamed = false;
};

/// A request that has ended.
struct EndedRequest {
  const gateway::Route& route;
  const RequestTrace& trace;
  std::string_view request_id;
  std::string_view key_id;
  std::string_view method;
  std::string_view path;
  int status = 0;
  bool failed = false;
  SteadyTime start{};
  SteadyTime end{};
  SteadyTime first_byte{};
  Time started_at;
};

/// The request's own span first, then those of waiting and of the replicas.
std::vector<tracing::Span> spans_of(const EndedRequest& request);
/// What the control plane is told.
monitoring::RequestTrace told_of(const EndedRequest& request, const std::vector<tracing::Span>& spans);

struct Timing {
  std::string name;
  std::chrono::microseconds duration{};
};
/// What a replica says of its own time (W3C Server Timing): entries with a name and `dur`, 8 at most; what is not
/// well-formed is passed over.
std::vector<Timing> parse_server_timing(std::string_view header);

/// Chooses which requests the control plane is told of, and keeps them until they are fetched: of each deployment and
/// second all that failed, a few others, and those that took longest, within bounds. Thread-safe.
class RequestSample {
 public:
  explicit RequestSample(std::size_t kept_max = 2'000) : kept_max_(kept_max) {}

  bool wants(const std::string& deployment_id, bool failed, SteadyTime now, SteadyTime::duration took);
  void add(monitoring::RequestTrace request);
  /// The newest that wait, in the order of their end.
  std::vector<monitoring::RequestTrace> take(std::size_t count_max);

 private:
  struct Chosen {
    int failed = 0;
    int usual = 0;
    int slow = 0;
    SteadyTime::duration slowest{};
  };

  const std::size_t kept_max_;
  std::mutex mutex_;
  SteadyTime second_{};                             // when the count began
  std::unordered_map<std::string, Chosen> chosen_;  // by deployment, within this second
  std::deque<monitoring::RequestTrace> kept_;
};

}  // namespace modelops::proxy
