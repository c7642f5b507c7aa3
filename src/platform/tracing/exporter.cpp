#include "platform/tracing/exporter.hpp"

#include "base/error.hpp"
#include "base/id.hpp"
#include "base/log.hpp"
#include "base/text.hpp"

namespace modelops::tracing {
namespace {

using std::chrono::steady_clock;
constexpr std::chrono::milliseconds pause_longest{30'000};
constexpr std::chrono::minutes between_complaints{1};

/// W3C Baggage's list, of which only names and values are used here.
http::Headers headers_of(std::string_view text) {
  http::Headers out;
  if (trim(text).empty()) return out;
  for (const std::string_view part : split(text, ',')) {
    const auto equals = part.find('=');
    if (equals == part.npos || trim(part.substr(0, equals)).empty())
      fail(ErrorCode::invalid, "The OTLP headers must be written as name=value,name2=value2.");
    out.add(trim(part.substr(0, equals)), http::percent_decode(trim(part.substr(equals + 1))));
  }
  return out;
}

}  // namespace

Exporter::Exporter(ExporterOptions options, metrics::Registry& registry)
    : options_(std::move(options)),
      resource_{options_.service, options_.version, new_uuid7()},
      headers_(headers_of(options_.headers.reveal())),
      client_(http::own_server_options()),
      exported_(registry.counter("modelops_spans_exported_total", "Spans that the collector has taken")),
      dropped_(registry.counter("modelops_spans_dropped_total", "Spans that were lost on their way to the collector")) {
  if (!options_.url.starts_with("http://") && !options_.url.starts_with("https://"))
    fail(ErrorCode::invalid, "The collector's URL must begin with http:// or https://, as http://localhost:4318.");
  headers_.set("Content-Type", "application/json");
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Exporter::~Exporter() {
  thread_.request_stop();
  wake_.notify_all();
  thread_.join();
}

SpanContext Exporter::begin(const std::optional<SpanContext>& parent) const {
  if (parent) return {parent->trace_high, parent->trace_low, new_id(), parent->sampled};
  const std::uint64_t low = new_id();
  // By the trace's id, so that all who see a trace decide alike.
  constexpr double possible = 0x1p53;
  return {new_id(), low, new_id(), static_cast<double>(low >> 11) < options_.sample_ratio * possible};
}

void Exporter::add(Span span) {
  if (!span.context.sampled) return;
  bool is_awaited = false;
  {
    std::lock_guard lock(mutex_);
    if (waiting_.size() >= options_.waiting_max) {
      ++overflow_;
      return;
    }
    waiting_.push_back(std::move(span));
    is_awaited = waiting_.size() == 1 || waiting_.size() == options_.batch_max;
  }
  if (is_awaited) wake_.notify_one();
}

void Exporter::run(const std::stop_token& stop) {
  std::vector<Span> batch;
  std::chrono::milliseconds pause = options_.pause_first;
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, stop, [&] { return !waiting_.empty(); });
    wake_.wait_for(lock, stop, options_.gather_time, [&] { return waiting_.size() >= options_.batch_max; });
    if (const std::size_t lost = std::exchange(overflow_, 0)) drop(lost, "more came than the collector takes");
    if (waiting_.empty()) return;
    while (!waiting_.empty() && batch.size() < options_.batch_max) {
      batch.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    lock.unlock();
    // What is under way at the end is given up, and tried once more within the time that is left.
    bool sent = stop.stop_requested() ? false : send(batch, options_.request_timeout, stop);
    while (!sent && !stop.stop_requested()) {
      lock.lock();
      if (const std::size_t lost = std::exchange(overflow_, 0)) drop(lost, "the collector cannot be reached");
      wake_.wait_for(lock, stop, pause, [] { return false; });
      lock.unlock();
      pause = std::min(2 * pause, pause_longest);
      if (!stop.stop_requested()) sent = send(batch, options_.request_timeout, stop);
    }
    if (!sent) sent = send(batch, options_.last_timeout, {});
    lock.lock();
    if (!sent) return drop(batch.size() + waiting_.size() + overflow_, "the collector could not be reached in time");
    pause = options_.pause_first;
    batch.clear();
  }
}

bool Exporter::send(std::span<const Span> batch, std::chrono::milliseconds timeout, const std::stop_token& stop) {
  try {
    const http::Response answer = client_.send({.method = http::Method::post,
                                                .url = options_.url + "/v1/traces",
                                                .headers = headers_,
                                                .body = otlp_json(resource_, batch),
                                                .stop = stop,
                                                .total_timeout = timeout});
    if (answer.status >= 200 && answer.status < 300) {
      const std::size_t rejected = std::min(rejected_spans(answer.body), batch.size());
      exported_.add(static_cast<double>(batch.size() - rejected));
      if (rejected > 0) drop(rejected, "the collector refused them");
      return true;
    }
    const bool transient = answer.status == 429 || (answer.status >= 502 && answer.status <= 504);
    if (transient) return false;
    drop(batch.size(), fmt::format("the collector answered {}", answer.status));
  } catch (const Error& error) {
    if (error.code == ErrorCode::unavailable || error.code == ErrorCode::gateway_timeout) return false;
    drop(batch.size(), error.message);
  }
  return true;
}

void Exporter::drop(std::size_t count, std::string_view why) {
  dropped_.add(static_cast<double>(count));
  const auto now = steady_clock::now();
  if (told_at_ != steady_clock::time_point{} && now - told_at_ < between_complaints) return;
  told_at_ = now;
  Log().warning("spans were lost", {{"spans", std::to_string(count)}, {"reason", std::string(why)}});
}

}  // namespace modelops::tracing
