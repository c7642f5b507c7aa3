#include "dataplane/runtime/main.hpp"

#include <pthread.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <thread>

#include "base/error.hpp"
#include "base/log.hpp"
#include "dataplane/runtime/handler.hpp"
#include "platform/events/topics.hpp"
#include "platform/http/server.hpp"

namespace modelops::runtime {
namespace {

struct Settings {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;
  std::vector<std::string> models;
  std::string model_dir;
  std::string library;
  ModelOptions model;
  std::int64_t batch_delay_us = 0;
  std::uint64_t body_bytes_max = 64 << 20;
  int request_timeout_s = 60;
  int drain_timeout_s = 30;
  bool keep_going = false;
};

void declare(CLI::App& app, Settings& settings) {
  app.add_option("--host", settings.host, "address to listen at")->capture_default_str();
  app.add_option("--port", settings.port, "port to listen at; 0: any free one")->capture_default_str();
  app.add_option("--model", settings.models,
                 "name=path or name=path:version of an .onnx file or its folder; repeatable");
  app.add_option("--model-dir", settings.model_dir, "folder of <name>.onnx and <name>/<version>/model.onnx");
  app.add_option("--threads", settings.model.session.intra_threads, "threads of one operator; 0: one per core")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_option("--inter-threads", settings.model.session.inter_threads, "operators of one run at the same time")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--workers", settings.model.batch.workers, "runs of one model at the same time")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--batch-max", settings.model.batch.batch_max,
                 "most rows of several requests computed in one run; 1: each request alone")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  app.add_option("--batch-delay-us", settings.batch_delay_us, "microseconds that a request may wait for others to join")
      ->check(CLI::Range(0, 10'000'000))
      ->capture_default_str();
  app.add_option("--queue-max", settings.model.batch.queue_max, "waiting requests per model; beyond: 503")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  const std::map<std::string, GraphLevel> levels{{"none", GraphLevel::none},
                                                 {"basic", GraphLevel::basic},
                                                 {"extended", GraphLevel::extended},
                                                 {"all", GraphLevel::all}};
  app.add_option("--graph-level", settings.model.session.graph_level, "graph optimisation: none, basic, extended, all")
      ->transform(CLI::CheckedTransformer(levels));
  app.add_flag("!--no-memory-arena", settings.model.session.memory_arena, "give memory back after each run");
  app.add_option("--library", settings.library, "libonnxruntime.so; default: where set-up put it");
  app.add_option("--max-body", settings.body_bytes_max, "bytes of an inference request")
      ->check(CLI::Range(std::uint64_t{1024}, std::uint64_t{4} << 30))
      ->capture_default_str();
  app.add_option("--request-timeout", settings.request_timeout_s, "seconds until an unanswered request gets 504")
      ->check(CLI::Range(1, 86'400))
      ->capture_default_str();
  app.add_option("--drain-timeout", settings.drain_timeout_s, "seconds to finish accepted requests at the end")
      ->check(CLI::Range(0, 86'400))
      ->capture_default_str();
  app.add_flag("--keep-going", settings.keep_going, "serve the other models when one cannot be loaded");
}

/// Waits for SIGTERM or SIGINT, which the caller has blocked.
void wait_for_signal(const sigset_t& signals) {
  int received = 0;
  while (::sigwait(&signals, &received) != 0) {}
}

int serve(const Settings& settings, const sigset_t& signals) {
  std::vector<ModelSource> sources;
  for (const std::string& text : settings.models) sources.push_back(parse_model_source(text));
  std::optional<std::filesystem::path> folder;
  if (!settings.model_dir.empty()) folder = settings.model_dir;
  if (sources.empty() && !folder) fail(ErrorCode::invalid, "Name at least one model with --model or --model-dir.");

  const Ort ort(settings.library.empty() ? find_library() : std::filesystem::path(settings.library));
  metrics::Registry registry;
  Repository repository(ort, settings.model, std::move(sources), folder, registry);

  http::ServerOptions options;
  options.name = "runtime";
  options.address = settings.host;
  options.port = settings.port;
  // Short runs stay on the thread that reads their request.
  options.io_threads = std::max(2u, std::thread::hardware_concurrency());
  options.request_timeout = std::chrono::seconds(settings.request_timeout_s);
  RuntimeHandler handler(repository, registry,
                         {.version = "onnxruntime-" + ort.version(),
                          .body_bytes_max = settings.body_bytes_max,
                          .blocking_max = options.pool_threads / 2});
  events::Topics topics;
  // Before the models are loaded, so that a probe sees a live server that is not ready yet.
  http::Server server(options, handler, topics, &registry);
  Log().info("runtime listens", {{"address", settings.host},
                                 {"port", std::to_string(server.port())},
                                 {"engine", "onnxruntime-" + ort.version()}});

  std::atomic<bool> failed = false;
  std::thread loader([&] {
    try {
      repository.load_all();
      Log().info("runtime is ready");
    } catch (const std::exception& error) {
      if (settings.keep_going) return;
      Log().error("runtime ends", {{"reason", error.what()}});
      failed = true;
      ::kill(::getpid(), SIGTERM);
    }
  });
  wait_for_signal(signals);
  handler.begin_drain();
  const bool complete = server.drain(std::chrono::seconds(settings.drain_timeout_s));
  loader.join();
  if (!complete) Log().warning("the time to drain passed before all requests were answered");
  return failed ? 1 : 0;
}

}  // namespace

int run_runtime(int argc, char** argv) {
  Settings settings;
  CLI::App app("Serves ONNX models over the Open Inference Protocol v2.", "modelops runtime");
  declare(app, settings);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  settings.model.batch.queue_delay = std::chrono::microseconds(settings.batch_delay_us);
  // Every thread inherits the mask, so that only sigwait sees the signals.
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  try {
    return serve(settings, signals);
  } catch (const std::exception& error) {
    Log().error("runtime ends", {{"reason", describe_exception(error)}});
    return 1;
  }
}

}  // namespace modelops::runtime
