#include "platform/jobs/job_runner.hpp"

#include "base/error.hpp"
#include "platform/http/types.hpp"
#include "platform/jobs/operations.hpp"
#include "platform/jobs/waiting.hpp"

namespace modelops::jobs {
namespace {

bool is_worth_a_retry(ErrorCode code) {
  return code == ErrorCode::unavailable || code == ErrorCode::internal || code == ErrorCode::bad_gateway ||
         code == ErrorCode::gateway_timeout;
}

ErrorCode code_of_current_exception() {
  try {
    throw;
  } catch (const Error& error) {
    return error.code;
  } catch (...) {
    return ErrorCode::internal;
  }
}

/// What the API would have answered.
OperationProblem problem_of_current_exception(const OperationId& id) {
  return reflect::from_stored_json<OperationProblem>(http::problem_of_current_exception(id.str()).body);
}

}  // namespace

JobRunner::JobRunner(db::Database& database, events::Topics& topics, const Clock& clock, LeaseKeeper& keeper,
                     const std::vector<JobHandler*>& handlers, JobRunnerOptions options)
    : database_(database), topics_(topics), clock_(clock), keeper_(keeper), options_(options) {
  for (JobHandler* handler : handlers) {
    handlers_.emplace(handler->kind(), handler);
    kinds_.emplace_back(handler->kind());
  }
  flusher_ = std::jthread([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      pause_for(options_.flush_interval, stop);
      std::lock_guard lock(runs_mutex_);
      for (JobRun* run : runs_) run->flush();
    }
  });
  for (int i = 0; i < options_.threads; ++i) workers_.emplace_back([this] { work(stop_.get_token()); });
}

JobRunner::~JobRunner() { stop_.request_stop(); }

void JobRunner::work(const std::stop_token& stop) {
  for (int failures = 0; !stop.stop_requested();) {
    const std::uint64_t seen = topics_.version(jobs_topic);
    try {
      std::optional<Claim> claimed;
      const bool found = claim(claimed);
      if (claimed) attempt(std::move(*claimed), stop);
      failures = 0;
      if (!found) wait_for(topics_, jobs_topic, seen, options_.poll_interval, stop);
    } catch (...) {
      Log().warning("a worker cannot take jobs; it tries again", {{"error", describe_current_exception()}});
      pause_for(back_off(++failures, std::chrono::milliseconds(200), std::chrono::seconds(30)), stop);
    }
  }
}

bool JobRunner::claim(std::optional<Claim>& claimed) {
  // A look costs no write: most come to nothing.
  if (!database_.read([&](db::Tx& tx) { return store::find_due(tx, kinds_, false).has_value(); })) return false;
  std::optional<OperationProblem> gave_up;
  const bool found = database_.write([&](db::Tx& tx) {
    claimed.reset();
    auto job = store::find_due(tx, kinds_, true);
    if (!job) return false;
    auto fence = acquire(tx, store::lease_name(job->operation_id), keeper_.owner(), keeper_.ttl());
    if (!fence) return false;
    const auto operation = store::find(tx, job->org_id, job->operation_id);
    if (!operation) fail(ErrorCode::internal, "A job has no operation.", job->operation_id.str());
    if (operation->cancel_requested) {
      store::end(tx, job->org_id, job->operation_id, OperationState::cancelled, clock_.now(), std::nullopt,
                 std::nullopt);
      announce(tx, topics_, operation_topic(job->operation_id));
      return true;
    }
    if (job->attempt >= handlers_.find(job->kind)->second->attempts_max()) {
      const OperationProblem problem{"urn:modelops:problem:internal",
                                     "Internal Server Error",
                                     500,
                                     fmt::format("The server ended {} times while it worked on this.", job->attempt),
                                     {}};
      store::end(tx, job->org_id, job->operation_id, OperationState::failed, clock_.now(), problem, std::nullopt);
      announce(tx, topics_, operation_topic(job->operation_id));
      return true;
    }
    store::start(tx, *job, clock_.now());
    ++job->attempt;
    announce(tx, topics_, operation_topic(job->operation_id));
    claimed = Claim{std::move(*job), std::move(*fence), 0};
    claimed->log_seq = store::last_log_seq(tx, claimed->job.org_id, claimed->job.operation_id);
    return true;
  });
  return found;
}

/// Lets the flusher know a run, as long as this lives.
class JobRunner::Flushed {
 public:
  Flushed(JobRunner& runner, JobRun& run) : runner_(runner), run_(run) {
    std::lock_guard lock(runner_.runs_mutex_);
    runner_.runs_.push_back(&run_);
  }
  ~Flushed() {
    std::lock_guard lock(runner_.runs_mutex_);
    std::erase(runner_.runs_, &run_);
  }
  Flushed(const Flushed&) = delete;

 private:
  JobRunner& runner_;
  JobRun& run_;
};

tracing::Span JobRunner::begin_span(store::JobRow& job) const {
  tracing::Span span;
  if (options_.exporter == nullptr) return span;
  const auto parent = tracing::parse_trace_parent(job.trace_parent);
  span.context = options_.exporter->begin(parent);
  if (parent) span.parent = parent->span;
  span.name = "job " + job.kind;
  span.kind = tracing::SpanKind::consumer;
  span.start = clock_.now();
  span.attributes = {{"modelops.operation_id", job.operation_id.str()},
                     {"modelops.organization_id", job.org_id},
                     {"modelops.job.attempt", job.attempt}};
  job.trace_parent = span.context.trace_parent();
  return span;
}

void JobRunner::end_span(tracing::Span span, std::optional<ErrorCode> failure) const {
  if (options_.exporter == nullptr) return;
  span.duration = std::max(clock_.now() - span.start, std::chrono::microseconds(0));
  if (failure) {
    span.status = tracing::SpanStatus::error;
    span.attributes.push_back({"error.type", std::string(error_name(*failure))});
  }
  options_.exporter->add(std::move(span));
}

void JobRunner::attempt(Claim claim, const std::stop_token& stop) {
  tracing::Span span = begin_span(claim.job);
  std::optional<ErrorCode> failure;
  const auto lease = keeper_.hold(std::move(claim.fence));
  JobHandler& handler = *handlers_.find(claim.job.kind)->second;
  JobRun run(database_, topics_, clock_, std::move(claim.job), *lease, claim.log_seq, stop);
  const Flushed flushed(*this, run);
  try {
    const boost::json::value result = handler.run(run);
    if (!run.completed()) write_outcome(run, [&](db::Tx& tx) { run.complete(tx, result); });
  } catch (...) {
    if (!run.cancel_seen()) failure = code_of_current_exception();
    if (!run.completed()) settle_failure(run, stop.stop_requested());
  }
  end_span(std::move(span), failure);
  // Its outcome has ended the lease too, or it was not ours any more; what could not be written ends by itself.
  lease->forget();
}

void JobRunner::settle_failure(JobRun& run, bool stopping) {
  const store::JobRow& job = run.job();
  const auto give_back = [&](std::int64_t attempts, std::chrono::milliseconds delay, const std::string& step) {
    write_outcome(run, [&](db::Tx& tx) {
      run.fence().check(tx);
      store::put_back(tx, job, attempts, delay, step);
      release(tx, run.fence());
      announce(tx, topics_, operation_topic(job.operation_id));
      announce(tx, topics_, jobs_topic);
    });
  };
  const auto end = [&](OperationState state, const std::optional<OperationProblem>& problem) {
    write_outcome(run, [&](db::Tx& tx) {
      run.fence().check(tx);
      store::end(tx, job.org_id, job.operation_id, state, clock_.now(), problem, std::nullopt);
      announce(tx, topics_, operation_topic(job.operation_id));
    });
  };
  if (run.cancel_seen()) return end(OperationState::cancelled, std::nullopt);
  // A job that had to make way for the end of the program has not used up an attempt.
  if (stopping) return give_back(job.attempt - 1, std::chrono::milliseconds(0), "");
  const std::int64_t attempts_max = handlers_.find(job.kind)->second->attempts_max();
  const OperationProblem problem = problem_of_current_exception(job.operation_id);
  if (!is_worth_a_retry(code_of_current_exception()) || job.attempt >= attempts_max)
    return end(OperationState::failed, problem);
  const auto delay = back_off(static_cast<int>(job.attempt), options_.back_off_first, options_.back_off_longest);
  give_back(job.attempt, delay, fmt::format("Attempt {} of {} failed: {}", job.attempt, attempts_max, problem.detail));
}

void JobRunner::write_outcome(JobRun& run, const std::function<void(db::Tx&)>& outcome) {
  run.flush();
  try {
    database_.write(outcome);
  } catch (const std::exception& error) {
    // Nothing was written. Either somebody else works on it already, or it is taken again when its lease has ended.
    Log().warning("the outcome of a job was not written",
                  {{"operation_id", run.operation_id().str()}, {"error", describe_exception(error)}});
  }
}

}  // namespace modelops::jobs
