#include "dataplane/runtime/batcher.hpp"

#include <set>

#include "base/error.hpp"

namespace modelops::runtime {
namespace {

using std::chrono::steady_clock;

/// True when rows of `b` can stand below rows of `a`.
bool can_merge(const Job& a, const Job& b) {
  if (!a.rows || !b.rows) return false;
  const auto fits = [](const Tensor& x, const Tensor& y) {
    return x.datatype == y.datatype &&
           std::equal(x.shape.begin() + 1, x.shape.end(), y.shape.begin() + 1, y.shape.end());
  };
  return std::equal(a.inputs.begin(), a.inputs.end(), b.inputs.begin(), b.inputs.end(), fits);
}

bool is_dropped(const Job& job, steady_clock::time_point now) {
  return job.deadline <= now || (job.cancelled && *job.cancelled);
}

std::vector<Tensor> concatenate_inputs(const std::vector<Job>& batch) {
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < batch.front().inputs.size(); ++i) {
    std::vector<const Tensor*> parts;
    for (const Job& job : batch) parts.push_back(&job.inputs[i]);
    inputs.push_back(concatenate(parts));
  }
  return inputs;
}

const std::vector<double> seconds_bounds = {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                            0.025,   0.05,   0.1,     0.25,   0.5,   1,      2.5,   10};
const std::vector<double> rows_bounds = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};

metrics::Counter request_counter(metrics::Registry& registry, metrics::Labels labels, const char* outcome) {
  labels["outcome"] = outcome;
  return registry.counter("modelops_runtime_requests_total", "Inference requests by what became of them.", labels);
}

}  // namespace

BatchMetrics::BatchMetrics(metrics::Registry& registry, const metrics::Labels& labels)
    : succeeded(request_counter(registry, labels, "succeeded")),
      failed(request_counter(registry, labels, "failed")),
      rejected(request_counter(registry, labels, "rejected")),
      expired(request_counter(registry, labels, "expired")),
      cancelled(request_counter(registry, labels, "cancelled")),
      queue_seconds(registry.histogram("modelops_runtime_queue_seconds", "From arrival to the start of the run.",
                                       seconds_bounds, labels)),
      compute_seconds(
          registry.histogram("modelops_runtime_compute_seconds", "One run of the model.", seconds_bounds, labels)),
      batch_rows(registry.histogram("modelops_runtime_batch_rows", "Rows of one run.", rows_bounds, labels)),
      queue_depth(registry.gauge("modelops_runtime_queue_depth", "Requests that wait.", labels)) {}

Batcher::Batcher(Run run, BatchOptions options, BatchMetrics metrics)
    : run_(std::move(run)), options_(options), metrics_(metrics), runs_(options.brief_run_max) {
  for (unsigned i = 0; i < std::max(options_.workers, 1u); ++i) threads_.emplace_back([this] { work(); });
}

Batcher::~Batcher() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

std::size_t Batcher::queued() const {
  std::lock_guard lock(mutex_);
  return queue_.size();
}

void Batcher::submit(Job job, bool may_block) {
  job.submitted = steady_clock::now();
  std::unique_lock lock(mutex_);
  const bool must_wait = options_.queue_delay.count() > 0 && job.rows && *job.rows < options_.batch_max;
  if (may_block && !must_wait && queue_.empty() && (running_ < threads_.size() || is_brief())) {
    ++running_;
    lock.unlock();
    std::vector<Job> batch;
    batch.push_back(std::move(job));
    execute(std::move(batch));
    lock.lock();
    --running_;
    const bool others_wait = !queue_.empty();
    lock.unlock();
    if (others_wait) wake_.notify_one();
    return;
  }
  if (queue_.size() >= options_.queue_max) {
    metrics_.rejected.add();
    Error error(ErrorCode::unavailable,
                fmt::format("The model's queue is full ({} requests). Try again later.", options_.queue_max));
    error.retry_after_seconds = 1;
    throw error;
  }
  queue_.push_back(std::move(job));
  metrics_.queue_depth.set(static_cast<double>(queue_.size()));
  lock.unlock();
  wake_.notify_one();
}

void Batcher::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return (stopping_ && queue_.empty()) || (!queue_.empty() && running_ < threads_.size()); });
    if (queue_.empty()) return;
    const Job& oldest = queue_.front();
    const auto ready_at = std::min(oldest.submitted + options_.queue_delay, oldest.deadline);
    if (!stopping_ && oldest.rows && rows_ready() < options_.batch_max && steady_clock::now() < ready_at) {
      wake_.wait_until(lock, ready_at);
      continue;
    }
    std::vector<Job> batch = take_batch();
    metrics_.queue_depth.set(static_cast<double>(queue_.size()));
    ++running_;
    lock.unlock();
    execute(std::move(batch));
    lock.lock();
    --running_;
    // Another worker may have gone to sleep because all runs were taken.
    if (!queue_.empty()) wake_.notify_one();
  }
}

/// Rows that would run now, counted no further than batch_max.
std::int64_t Batcher::rows_ready() const {
  std::int64_t rows = 0;
  for (const Job& job : queue_) {
    if (&job == &queue_.front() || can_merge(queue_.front(), job)) rows += job.rows.value_or(1);
    if (rows >= options_.batch_max) break;
  }
  return rows;
}

std::vector<Job> Batcher::take_batch() {
  std::vector<Job> batch;
  batch.push_back(std::move(queue_.front()));
  queue_.pop_front();
  if (!batch.front().rows) return batch;
  std::int64_t rows = *batch.front().rows;
  std::deque<Job> rest;
  while (!queue_.empty() && rows < options_.batch_max) {
    Job job = std::move(queue_.front());
    queue_.pop_front();
    if (can_merge(batch.front(), job) && rows + *job.rows <= options_.batch_max) {
      rows += *job.rows;
      batch.push_back(std::move(job));
    } else {
      rest.push_back(std::move(job));
    }
  }
  while (!rest.empty()) {
    queue_.push_front(std::move(rest.back()));
    rest.pop_back();
  }
  return batch;
}

void Batcher::execute(std::vector<Job> batch) {
  const auto now = steady_clock::now();
  std::vector<Job> wanted;
  for (Job& job : batch) {
    job.queued = now - job.submitted;
    metrics_.queue_seconds.observe(std::chrono::duration<double>(job.queued).count());
    if (!is_dropped(job, now)) {
      wanted.push_back(std::move(job));
      continue;
    }
    const bool expired = job.deadline <= now;
    (expired ? metrics_.expired : metrics_.cancelled).add();
    const char* reason = expired ? "The request's deadline passed while it waited." : "The request was cancelled.";
    job.done({{}, std::make_exception_ptr(Error(ErrorCode::gateway_timeout, reason))});
  }
  if (wanted.size() == 1) run_alone(wanted.front());
  if (wanted.size() > 1) run_merged(wanted);
}

std::vector<Tensor> Batcher::timed_run(std::span<const Tensor> inputs, std::span<const std::size_t> outputs,
                                       std::int64_t rows, steady_clock::duration& took) {
  const auto start = steady_clock::now();
  metrics_.batch_rows.observe(static_cast<double>(rows));
  std::vector<Tensor> results = run_(inputs, outputs);
  took = steady_clock::now() - start;
  runs_.count(took);
  metrics_.compute_seconds.observe(std::chrono::duration<double>(took).count());
  return results;
}

void Batcher::run_alone(Job& job) {
  Outcome outcome;
  outcome.queued = job.queued;
  try {
    outcome.outputs = timed_run(job.inputs, job.outputs, job.rows.value_or(1), outcome.computed);
    metrics_.succeeded.add();
  } catch (...) {
    metrics_.failed.add();
    outcome.error = std::current_exception();
  }
  job.done(std::move(outcome));
}

void Batcher::run_merged(std::vector<Job>& batch) {
  std::int64_t rows = 0;
  std::set<std::size_t> all_outputs;
  for (const Job& job : batch) {
    rows += *job.rows;
    all_outputs.insert(job.outputs.begin(), job.outputs.end());
  }
  const std::vector<std::size_t> outputs(all_outputs.begin(), all_outputs.end());
  std::vector<Outcome> outcomes(batch.size());
  try {
    steady_clock::duration took{};
    const std::vector<Tensor> results = timed_run(concatenate_inputs(batch), outputs, rows, took);
    for (const Tensor& result : results) {
      if (result.shape.empty() || result.shape[0] != rows)
        fail(ErrorCode::internal, "An output has not one row per input row.");
    }
    std::int64_t first = 0;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      outcomes[i].queued = batch[i].queued;
      outcomes[i].computed = took;
      for (std::size_t k = 0; k < outputs.size(); ++k) {
        if (!std::binary_search(batch[i].outputs.begin(), batch[i].outputs.end(), outputs[k])) continue;
        outcomes[i].outputs.push_back(rows_of(results[k], first, *batch[i].rows));
      }
      first += *batch[i].rows;
    }
  } catch (...) {
    for (Job& job : batch) run_alone(job);
    return;
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    metrics_.succeeded.add();
    batch[i].done(std::move(outcomes[i]));
  }
}

}  // namespace modelops::runtime
