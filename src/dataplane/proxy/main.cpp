#include "dataplane/proxy/main.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "base/descriptor.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "dataplane/machine/backoff.hpp"
#include "dataplane/proxy/gateway.hpp"
#include "dataplane/proxy/metrics_feed.hpp"
#include "dataplane/proxy/snapshot_feed.hpp"
#include "platform/http/hand_over.hpp"

namespace modelops::proxy {
namespace {

struct Settings {
  GatewayOptions gateway;
  http::TlsFiles tls;
  std::string server;
  std::string token;
  std::filesystem::path state;
  std::filesystem::path snapshot_file;
  std::string access_log = "off";
  int drain_timeout_s = 30;
  std::string otlp_url;
  double trace_ratio = 1;
};

void declare(CLI::App& app, Settings& settings) {
  GatewayOptions& gateway = settings.gateway;
  gateway.threads = std::clamp(std::thread::hardware_concurrency(), 1u, 64u);
  app.add_option("--server", settings.server, "URL of the control plane")->envname("MODELOPS_SERVER");
  app.add_option(
         "--token", settings.token,
         "One-use enrollment token; a new one enrolls anew. Better in the environment, where others cannot see it")
      ->envname("MODELOPS_ENROLLMENT_TOKEN");
  app.add_option("--state", settings.state, "Folder for this gateway's key and the last routes")
      ->envname("MODELOPS_GATEWAY_STATE");
  app.add_option("--snapshot-file", settings.snapshot_file,
                 "Serve these routes, without a control plane; read again on SIGHUP")
      ->excludes("--server")
      ->excludes("--token");
  app.add_option("--address", gateway.address, "Address to listen at")->capture_default_str();
  app.add_option("--port", gateway.port, "Port to listen at; 0: any free one")->capture_default_str();
  app.add_option("--threads", gateway.threads, "Threads that serve")
      ->check(CLI::Range(1u, 256u))
      ->capture_default_str();
  app.add_option("--connections-max", gateway.connections_max, "Connections of clients; beyond: 503")
      ->capture_default_str();
  app.add_option("--connections-per-client-max", gateway.connections_per_client_max,
                 "Of them from one address; 0: no such limit")
      ->capture_default_str();
  app.add_option("--tls-certificate", settings.tls.certificate_file,
                 "PEM: the certificate and those that lead to its root; read again when it changes and on SIGHUP");
  app.add_option("--tls-key", settings.tls.key_file, "PEM: the key of the certificate");
  app.add_option("--tls-client-ca", settings.tls.client_ca_file,
                 "PEM: only clients with a certificate of these authorities may connect");
  app.add_option("--access-log", settings.access_log, "A file, '-' for standard output, or 'off'")
      ->capture_default_str();
  app.add_option("--otlp-url", settings.otlp_url,
                 "Of an OpenTelemetry collector that takes OTLP over HTTP, as http://localhost:4318. Its headers, as "
                 "name=value,name2=value2, are in MODELOPS_OTLP_HEADERS")
      ->envname("MODELOPS_OTLP_URL");
  app.add_option("--trace-ratio", settings.trace_ratio,
                 "The share of the traces that begin here; callers decide theirs")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--drain-timeout", settings.drain_timeout_s, "Seconds to finish accepted requests at the end")
      ->check(CLI::Range(0, 86'400))
      ->capture_default_str();
}

Descriptor open_log(const std::string& name) {
  if (name == "off") return Descriptor(-1);
  const int fd =
      name == "-" ? ::dup(STDOUT_FILENO) : ::open(name.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (fd < 0) fail(ErrorCode::invalid, fmt::format("Cannot write the access log {}: {}.", name, std::strerror(errno)));
  return Descriptor(fd);
}

gateway::Snapshot snapshot_of(const std::filesystem::path& file) {
  auto snapshot = load_snapshot(file);
  if (!snapshot) fail(ErrorCode::invalid, fmt::format("There is no file {}.", file.string()));
  return std::move(*snapshot);
}

int serve(Settings& settings, const sigset_t& signals) {
  const SystemClock clock;
  metrics::Registry registry;
  const Descriptor log_file = open_log(settings.access_log);
  std::optional<AccessLog> access_log;
  if (log_file.get() >= 0) settings.gateway.access_log = &access_log.emplace(log_file.get());
  std::unique_ptr<tracing::Exporter> exporter;
  if (!settings.otlp_url.empty()) {
    const char* headers = std::getenv("MODELOPS_OTLP_HEADERS");
    exporter = std::make_unique<tracing::Exporter>(tracing::ExporterOptions{.url = settings.otlp_url,
                                                                            .headers = Secret(headers ? headers : ""),
                                                                            .service = "modelops-gateway",
                                                                            .version = MODELOPS_VERSION,
                                                                            .sample_ratio = settings.trace_ratio},
                                                   registry);
    settings.gateway.exporter = exporter.get();
  }
  if (settings.tls.on()) settings.gateway.tls = std::make_shared<http::Tls>(settings.tls);
  http::Listeners listeners = http::Listeners::of_process();
  const std::filesystem::path folder = settings.state.empty() ? "" : std::filesystem::absolute(settings.state);
  const std::filesystem::path path = folder / "run" / fmt::format("gateway-{}.sock", settings.gateway.port);
  auto predecessor = folder.empty() ? std::optional<http::Predecessor>() : http::Predecessor::find(path);
  if (predecessor) listeners = predecessor->take_listeners();
  settings.gateway.listeners = &listeners;
  std::optional<http::HandOver> next;  // outlives the gateway: its end is the end of all
  Gateway gateway(settings.gateway, clock, registry);

  std::mutex mutex;
  std::condition_variable changed;
  bool routed = false;
  std::string refusal;
  std::optional<SnapshotFeed> feed;
  std::optional<MetricsFeed> metrics_feed;
  if (!settings.snapshot_file.empty()) {
    gateway.publish(snapshot_of(settings.snapshot_file));
  } else {
    if (settings.state.empty()) fail(ErrorCode::invalid, "Give --state, a folder that this gateway keeps its key in.");
    feed.emplace(
        SnapshotFeed::Options{
            .server = settings.server, .token = settings.token, .state = folder, .version = MODELOPS_VERSION},
        clock,
        [&](gateway::Snapshot snapshot) {
          gateway.publish(std::move(snapshot));
          std::lock_guard lock(mutex);
          routed = true;
          changed.notify_all();
        },
        [&](std::string message) {
          std::lock_guard lock(mutex);
          refusal = std::move(message);
          ::kill(::getpid(), SIGTERM);
        });
  }
  if (predecessor && feed) {
    std::unique_lock lock(mutex);
    if (!changed.wait_for(lock, std::chrono::seconds(60), [&] { return routed; }))
      fail(ErrorCode::unavailable, "There are no routes; the gateway that runs goes on.");
  }
  gateway.listen();
  if (feed)
    metrics_feed.emplace(
        MetricsFeed::Options{.address = fmt::format("{}:{}", settings.gateway.address, gateway.port())}, clock,
        [&](auto elapsed) { return gateway.take_traffic(elapsed); },
        [&](std::size_t count_max) { return gateway.take_requests(count_max); }, [&] { return feed->session(); });
  // Nobody is told what is counted, but with it go the series of deployments that are gone.
  std::jthread discarding;
  if (!feed) {
    discarding = std::jthread([&](const std::stop_token& stop) {
      constexpr std::chrono::seconds interval{1};
      while (machine::wait_for(stop, interval)) gateway.take_traffic(interval);
    });
  }
  if (!folder.empty()) next.emplace(path, listeners, [] { ::kill(::getpid(), SIGTERM); });
  if (predecessor) predecessor->say(http::Farewell::finish);
  Log().info("gateway listens", {{"address", settings.gateway.address}, {"port", std::to_string(gateway.port())}});
  for (;;) {
    int received = 0;
    ::sigwait(&signals, &received);
    if (received != SIGHUP) break;
    if (settings.gateway.tls) settings.gateway.tls->reload();
    if (settings.snapshot_file.empty()) continue;
    try {
      gateway.publish(snapshot_of(settings.snapshot_file));
    } catch (const Error& error) {
      Log().error("the routes were not read again", {{"error", describe_exception(error)}});
    }
  }
  listeners.close();
  const bool replaced = next && next->farewell();
  if (!replaced) next.reset();
  // While this one finishes at leisure the next signal ends it, as when the next process has ended.
  if (replaced) ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  const bool complete = replaced ? gateway.drain(std::chrono::hours(1), settings.gateway.keep_alive_timeout)
                                 : gateway.drain(std::chrono::seconds(settings.drain_timeout_s));
  if (!complete) {
    Log().warning("the time to drain passed before all requests were answered");
  }
  metrics_feed.reset();
  feed.reset();
  std::lock_guard lock(mutex);
  if (refusal.empty()) return 0;
  fmt::print(stderr, "modelops gateway: {}\n", refusal);
  return 1;
}

}  // namespace

int run_gateway(int argc, char** argv) {
  Settings settings;
  CLI::App app("Passes calls to models on to where they run, by the control plane's routes.", "modelops gateway");
  declare(app, settings);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  // Every thread inherits the mask, so that only sigwait sees the signals.
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&signals, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  try {
    return serve(settings, signals);
  } catch (const Error& error) {
    Log().error("gateway cannot run", {{"reason", describe_exception(error)}});
    fmt::print(stderr, "modelops gateway: {}\n", error.message);
    return 1;
  }
}

}  // namespace modelops::proxy
