#include "dataplane/loadgen/load.hpp"

#include <sys/resource.h>

#include <future>

#include "base/error.hpp"
#include "dataplane/loadgen/worker.hpp"

namespace modelops::loadgen {
namespace {

using std::chrono::steady_clock;
constexpr std::chrono::milliseconds until_all_threads_run{20};

void have_descriptors(unsigned connections) {
  const rlim_t needed = connections + 64;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= needed) return;
  limit.rlim_cur = std::min(needed, limit.rlim_max);
  if (limit.rlim_cur < needed || ::setrlimit(RLIMIT_NOFILE, &limit) != 0)
    fail(ErrorCode::invalid, fmt::format("{} connections need more open files than this machine allows ({}).",
                                         connections, limit.rlim_max));
}

asio::ip::tcp::endpoint resolve(const Url& url) {
  asio::io_context io;
  boost::system::error_code error;
  const auto found = asio::ip::tcp::resolver(io).resolve(url.host, std::to_string(url.port), error);
  if (error || found.empty())
    fail(ErrorCode::unavailable, fmt::format("{} has no address.", url.host), error.message());
  // "localhost" may be two addresses of which the server listens at one.
  if (found.size() > 1) {
    for (const auto& entry : found) {
      asio::ip::tcp::socket(io).connect(entry, error);
      if (!error) return entry;
    }
  }
  return *found.begin();
}

}  // namespace

Report run_load(const LoadOptions& options, const Url& url, const RequestText& request) {
  have_descriptors(options.connections);
  const asio::ip::tcp::endpoint server = resolve(url);
  const SteadyTime start = steady_clock::now() + until_all_threads_run;
  std::vector<std::future<Tally>> threads;
  for (unsigned share = 0; share < options.threads; ++share) {
    threads.push_back(
        std::async(std::launch::async, [&, share] { return Worker(options, request, server, share, start).run(); }));
  }
  Tally all;
  for (std::future<Tally>& thread : threads) all.add(thread.get());
  const std::chrono::duration<double> wall = steady_clock::now() - start;
  return report({.url = fmt::format("http://{}{}", url.authority, url.target),
                 .loop = options.rate ? "open" : "closed",
                 .requests_per_second = options.rate,
                 .connections = options.connections,
                 .threads = options.threads,
                 .seconds = std::chrono::duration<double>(options.duration).count(),
                 .stream = options.stream},
                all, wall.count());
}

}  // namespace modelops::loadgen
