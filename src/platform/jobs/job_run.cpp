#include "platform/jobs/job_run.hpp"

#include <cmath>

#include "base/error.hpp"
#include "base/text.hpp"
#include "platform/jobs/operations.hpp"
#include "platform/jobs/waiting.hpp"

namespace modelops::jobs {
namespace {

constexpr std::size_t step_bytes_max = 1024;
constexpr std::size_t lines_waiting_flush = 1'000;
constexpr std::size_t lines_waiting_max = 10'000;
constexpr std::chrono::seconds look_interval{1};

/// Fit for a text column: UTF-8 without NUL, at most `bytes_max` long, not cut within a character.
std::string clean(std::string_view text, std::size_t bytes_max) {
  std::string out(text.substr(0, bytes_max));
  if (text.size() > bytes_max) {
    std::size_t end = bytes_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    if (bytes_max - end < 4) out.resize(end);
  }
  if (!is_utf8(out))
    std::replace_if(out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  std::replace(out.begin(), out.end(), '\0', '?');
  return out;
}

}  // namespace

JobRun::JobRun(db::Database& database, events::Topics& topics, const Clock& clock, store::JobRow job, HeldLease& lease,
               std::int64_t log_seq, std::stop_token stop)
    : database_(database),
      topics_(topics),
      clock_(clock),
      job_(std::move(job)),
      lease_(lease),
      topic_(operation_topic(job_.operation_id)),
      stop_(std::move(stop)),
      log_seq_(log_seq) {}

Context JobRun::context() const {
  Context ctx;
  ctx.actor.kind = ActorKind::system;
  ctx.org_id = job_.org_id;
  ctx.request_id = job_.operation_id.str();
  ctx.trace = tracing::parse_trace_parent(job_.trace_parent).value_or(tracing::SpanContext{});
  ctx.log = Log().with("operation_id", job_.operation_id.str());
  return ctx;
}

void JobRun::progress(std::optional<double> fraction, std::string_view step) {
  std::lock_guard lock(mutex_);
  fraction_ = fraction && std::isfinite(*fraction) ? std::optional(std::clamp(*fraction, 0.0, 1.0)) : std::nullopt;
  step_ = clean(step, step_bytes_max);
  progressed_ = true;
}

void JobRun::log(std::string_view text, LineLevel level) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  const Time now = clock_.now();
  std::lock_guard lock(mutex_);
  for (const std::string_view line : split(text, '\n')) {
    // While the database is away memory is bounded too.
    if (log_seq_ >= log_lines_max || lines_.size() >= lines_waiting_max) return;
    ++log_seq_;
    if (log_seq_ == log_lines_max)
      lines_.push_back({log_seq_, now, LineLevel::warning, "The log is full; further lines are dropped."});
    else
      lines_.push_back({log_seq_, now, level, clean(line, log_line_bytes_max)});
    if (lines_.size() % lines_waiting_flush == 0) flush_locked();
  }
}

bool JobRun::cancelled() {
  if (stop_.stop_requested() || cancel_seen_ || lease_.lost()) return true;
  std::lock_guard lock(look_mutex_);
  const auto now = std::chrono::steady_clock::now();
  const std::uint64_t version = topics_.version(topic_);
  if (version == seen_ && now - looked_at_ < look_interval) return false;
  const auto operation = database_.read([&](db::Tx& tx) { return store::find(tx, job_.org_id, job_.operation_id); });
  seen_ = version;
  looked_at_ = now;
  if (operation && operation->cancel_requested) cancel_seen_ = true;
  return cancel_seen_;
}

void JobRun::throw_if_cancelled() {
  if (cancelled()) fail(ErrorCode::unavailable, "The operation was interrupted.");
}

void JobRun::complete(db::Tx& tx, const boost::json::value& result) {
  fence().check(tx);
  store::end(tx, job_.org_id, job_.operation_id, OperationState::succeeded, clock_.now(), std::nullopt, result);
  announce(tx, topics_, topic_);
  tx.after_commit([this] { completed_ = true; });
}

void JobRun::flush() {
  std::lock_guard lock(mutex_);
  flush_locked();
}

void JobRun::flush_locked() {
  if (completed_ || (lines_.empty() && !progressed_)) return;
  try {
    database_.write([&](db::Tx& tx) {
      fence().check(tx);
      for (const OperationLogLine& line : lines_) store::append_log(tx, job_.org_id, job_.operation_id, line);
      if (progressed_) store::set_progress(tx, job_.org_id, job_.operation_id, fraction_, step_);
      announce(tx, topics_, topic_);
    });
    lines_.clear();
    progressed_ = false;
  } catch (const std::exception& error) {
    // The work itself goes on: it learns from the lease, or from its own writes, when it should not.
    Log().warning("a job's log could not be written; it is tried again",
                  {{"operation_id", job_.operation_id.str()}, {"error", describe_exception(error)}});
  }
}

}  // namespace modelops::jobs
