#include "dataplane/loadgen/report.hpp"

#include <fmt/format.h>

#include <numeric>

namespace modelops::loadgen {
namespace {

constexpr double busy_share = 0.9;      // of a core: beyond it a thread delays what it measures
constexpr double late_us = 1'000;       // 1 in 100 requests sent later than that
constexpr double reached_share = 0.95;  // of the rate that was asked for

std::uint64_t sum_of(const std::map<std::string, std::uint64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& entry) { return sum + entry.second; });
}

std::vector<std::string> warnings(const Report& report, const Tally& tally) {
  std::vector<std::string> out;
  if (tally.busiest_thread > busy_share) {
    out.push_back(
        fmt::format("The load generator itself is the limit: a thread of it used {:.0f} % of a core. Give more "
                    "--threads, or run it "
                    "on another machine.",
                    100 * tally.busiest_thread));
  }
  if (report.send_lag_us && report.send_lag_us->p99 > late_us) {
    out.push_back(
        fmt::format("1 in 100 requests was sent more than {:.1f} ms after its time: the load generator, or its "
                    "machine, is too busy. "
                    "The delay is in the latencies.",
                    report.send_lag_us->p99 / 1'000));
  }
  if (report.waited_for_connection > 0) {
    out.push_back(fmt::format("{} requests waited until one of {} connections was free; the wait is in their latency.",
                              report.waited_for_connection, report.asked.connections));
  }
  if (report.asked.requests_per_second &&
      report.requests_per_second < reached_share * *report.asked.requests_per_second) {
    out.push_back(
        fmt::format("Of {:.0f} requests per second only {:.0f} were answered in time: with more time the "
                    "latencies would grow.",
                    *report.asked.requests_per_second, report.requests_per_second));
  }
  std::uint64_t refused = 0;
  for (const auto& [status, count] : report.statuses)
    if (!status.starts_with('2')) refused += count;
  if (refused > 0) {
    out.push_back(fmt::format("{} of {} answers are not a success, and are often quicker than one.", refused,
                              sum_of(report.statuses)));
  }
  if (const std::uint64_t errors = sum_of(report.errors); errors > 0)
    out.push_back(fmt::format("{} requests have no answer and so no latency.", errors));
  if (report.first_token_us && report.first_token_us->count == 0 && report.latency_us.count > 0)
    out.emplace_back("No answer was a stream of events: does the body ask for one (\"stream\": true)?");
  return out;
}

std::string time_text(double us) {
  return us < 1'000 ? fmt::format("{:.0f} µs", us)
         : us < 1e6 ? fmt::format("{:.2f} ms", us / 1e3)
                    : fmt::format("{:.2f} s", us / 1e6);
}

void append_row(std::string& out, std::string_view name, const Percentiles& of) {
  out += fmt::format("{:<14}", name);
  for (const double us : {of.min, of.mean, of.p50, of.p90, of.p99, of.p99_9, of.max})
    out += fmt::format("{:>11}", time_text(us));
  out += "\n";
}

void append_counts(std::string& out, std::string_view name, const std::map<std::string, std::uint64_t>& counts) {
  if (counts.empty()) return;
  out += fmt::format("{:<14}", name);
  for (const auto& [kind, count] : counts) out += fmt::format("  {} {}", count, kind);
  out += "\n";
}

}  // namespace

void Tally::add(const Tally& other) {
  latency.add(other.latency);
  send_lag.add(other.send_lag);
  first_token.add(other.first_token);
  inter_token.add(other.inter_token);
  answered_total += other.answered_total;
  answered_in_time += other.answered_in_time;
  tokens_in_time += other.tokens_in_time;
  body_bytes += other.body_bytes;
  waited += other.waited;
  connections += other.connections;
  for (const auto& [status, count] : other.statuses) statuses[status] += count;
  for (const auto& [kind, count] : other.errors) errors[kind] += count;
  cpu_seconds += other.cpu_seconds;
  busiest_thread = std::max(busiest_thread, other.busiest_thread);
}

Percentiles percentiles_us(const Histogram& nanoseconds) {
  const auto us = [](auto ns) { return static_cast<double>(ns) / 1e3; };
  const auto at = [&](double fraction) { return us(nanoseconds.quantile(fraction)); };
  return {.count = nanoseconds.count(),
          .min = us(nanoseconds.min()),
          .mean = us(nanoseconds.mean()),
          .p50 = at(0.5),
          .p90 = at(0.9),
          .p99 = at(0.99),
          .p99_9 = at(0.999),
          .max = us(nanoseconds.max())};
}

Report report(const Asked& asked, const Tally& tally, double wall_seconds) {
  Report out;
  out.asked = asked;
  out.answered_total = tally.answered_total;
  out.requests_per_second = static_cast<double>(tally.answered_in_time) / asked.seconds;
  out.body_bytes_per_second = static_cast<double>(tally.body_bytes) / asked.seconds;
  out.statuses = tally.statuses;
  out.errors = tally.errors;
  out.latency_us = percentiles_us(tally.latency);
  if (asked.requests_per_second) out.send_lag_us = percentiles_us(tally.send_lag);
  if (asked.stream) {
    out.first_token_us = percentiles_us(tally.first_token);
    out.inter_token_us = percentiles_us(tally.inter_token);
    out.tokens_per_second = static_cast<double>(tally.tokens_in_time) / asked.seconds;
  }
  out.waited_for_connection = tally.waited;
  out.connections_opened = tally.connections;
  out.generator_cpu_cores = wall_seconds > 0 ? tally.cpu_seconds / wall_seconds : 0;
  out.warnings = warnings(out, tally);
  return out;
}

std::string as_table(const Report& report) {
  const Asked& asked = report.asked;
  std::string out = fmt::format("{}\n{} loop", asked.url, asked.loop);
  if (asked.requests_per_second) out += fmt::format(", {:.0f} requests/s", *asked.requests_per_second);
  out += fmt::format(", at most {} connections, {:g} s\n\n", asked.connections, asked.seconds);
  out += fmt::format("{:<14}{:.1f}/s, {:.2f} MB/s of bodies\n", "answers", report.requests_per_second,
                     report.body_bytes_per_second / 1e6);
  append_counts(out, "statuses", report.statuses);
  append_counts(out, "errors", report.errors);
  if (report.tokens_per_second) out += fmt::format("{:<14}{:.1f}/s\n", "tokens", *report.tokens_per_second);
  out += fmt::format("{:<14}{:.2f} cores\n\n", "generator", report.generator_cpu_cores);
  out += fmt::format("{:<14}{:>11}{:>11}{:>11}{:>11}{:>11}{:>11}{:>11}\n", "", "min", "mean", "p50", "p90", "p99",
                     "p99.9", "max");
  append_row(out, "latency", report.latency_us);
  if (report.first_token_us) append_row(out, "first token", *report.first_token_us);
  if (report.inter_token_us) append_row(out, "between tokens", *report.inter_token_us);
  if (report.send_lag_us) append_row(out, "sent late by", *report.send_lag_us);
  for (const std::string& warning : report.warnings) out += "\nwarning: " + warning;
  if (!report.warnings.empty()) out += "\n";
  return out;
}

}  // namespace modelops::loadgen
