#include "dataplane/proxy/meter.hpp"

namespace modelops::proxy {
namespace {

std::int64_t us(Meter::Duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

void observe(monitoring::Histogram& histogram, Meter::Duration duration) {
  monitoring::add(histogram, monitoring::histogram_bucket(us(duration)), 1);
}

}  // namespace

void Meter::count_request(int status, bool broken, Duration duration) {
  std::lock_guard lock(mutex_);
  counted_ = true;
  ++traffic_.requests;
  // 499: the client went away, which is nobody's error.
  if (broken || status >= 500) {
    ++traffic_.server_errors;
  } else if (status >= 400 && status != 499) {
    ++traffic_.client_errors;
  }
  observe(traffic_.duration, duration);
}

void Meter::observe_first_token(Duration after) {
  std::lock_guard lock(mutex_);
  counted_ = true;
  observe(traffic_.first_token, after);
}

void Meter::observe_token_gap(Duration gap) {
  std::lock_guard lock(mutex_);
  counted_ = true;
  observe(traffic_.token_gap, gap);
}

void Meter::count_tokens(std::int64_t in, std::int64_t out) {
  std::lock_guard lock(mutex_);
  counted_ = true;
  traffic_.tokens_in += in;
  traffic_.tokens_out += out;
}

void Meter::sample(double in_flight, double queued, Duration elapsed) {
  if (in_flight <= 0 && queued <= 0) return;
  std::lock_guard lock(mutex_);
  counted_ = true;
  const auto length = static_cast<double>(us(elapsed));
  traffic_.in_flight_us += static_cast<std::int64_t>(std::max(in_flight, 0.0) * length);
  traffic_.queued_us += static_cast<std::int64_t>(std::max(queued, 0.0) * length);
}

bool Meter::take(monitoring::Traffic& out) {
  std::lock_guard lock(mutex_);
  if (!std::exchange(counted_, false)) return false;
  out = std::exchange(traffic_, {});
  // A correction that is larger than what is left to correct waits for more.
  if (out.tokens_out < 0) traffic_.tokens_out = std::exchange(out.tokens_out, 0);
  return true;
}

}  // namespace modelops::proxy
