#pragma once
#include <filesystem>
#include <functional>
#include <memory>

#include "gateway/types.hpp"
#include "platform/api/route.hpp"
#include "platform/config/config.hpp"
#include "platform/http/hand_over.hpp"
#include "platform/http/tls.hpp"

namespace modelops::apps {

struct ApiConfig {
  std::string address = "127.0.0.1";
  reflect::Ranged<0, 65535> port = reflect::Ranged<0, 65535>::of<18087>();
  std::string public_url = "http://localhost:18087";
  static constexpr reflect::Doc docs[] = {{"address", "Where the API listens"},
                                          {"port", "0: any free one"},
                                          {"public_url", "How people reach it; https makes session cookies Secure"}};
};
MODELOPS_DESCRIBE(ApiConfig, address, port, public_url);

struct WebConfig {
  bool enabled = true;
  std::string address = "127.0.0.1";
  reflect::Ranged<0, 65535> port = reflect::Ranged<0, 65535>::of<3000>();
  std::string public_url = "http://localhost:3000";
  static constexpr reflect::Doc docs[] = {{"enabled", "Whether this process serves the web app"},
                                          {"address", "Where the web app listens"},
                                          {"port", "0: any free one"},
                                          {"public_url", "How people reach it; https makes session cookies Secure"}};
};
MODELOPS_DESCRIBE(WebConfig, enabled, address, port, public_url);

struct GatewayConfig {
  std::string public_url = "http://localhost:18088";
  std::vector<gateway::Origin> cors_origins;
  static constexpr reflect::Doc docs[] = {
      {"public_url", "How people and pages reach the gateway"},
      {"cors_origins", "Whose pages may call it from a browser beside the web app's: https://models.example.org"}};
};
MODELOPS_DESCRIBE(GatewayConfig, public_url, cors_origins);

struct DataConfig {
  std::string folder = "data";
  std::string database;
  config::Duration statement_timeout = config::Duration::of(std::chrono::seconds(30));
  std::string key_file;
  config::ByteSize free_space_reserve = config::ByteSize::of(64 << 20);
  config::ByteSize upload_bytes_max = config::ByteSize::of(std::uint64_t{64} << 30);
  config::ByteSize organization_bytes_max = config::ByteSize::of(std::uint64_t{1} << 40);
  reflect::Ranged<1, 1'000'000> organization_uploads_max = reflect::Ranged<1, 1'000'000>::of<1000>();
  static constexpr reflect::Doc docs[] = {
      {"folder", "Blobs, and the SQLite database unless another one is named"},
      {"database", "sqlite:/path or postgresql://…; empty: sqlite in the folder"},
      {"statement_timeout", "PostgreSQL: a statement that takes longer is given up"},
      {"key_file", "The master keys, outside the folder; made at the first start. Empty: beside the folder"},
      {"free_space_reserve", "Uploads are refused when less would stay free"},
      {"upload_bytes_max", "The largest file that is accepted"},
      {"organization_bytes_max", "What an organization may keep of files, unless it was given another quota"},
      {"organization_uploads_max", "How many files of an organization may be on their way at once, likewise"}};
};
MODELOPS_DESCRIBE(DataConfig, folder, database, statement_timeout, key_file, free_space_reserve, upload_bytes_max,
                  organization_bytes_max, organization_uploads_max);

struct PrometheusConfig {
  std::string url;
  static constexpr reflect::Doc docs[] = {
      {"url",
       "Of the Prometheus that keeps the history of metrics: http://localhost:19090. Empty: there is none, and "
       "only the last 24 hours are known"}};
};
MODELOPS_DESCRIBE(PrometheusConfig, url);

struct TelemetryConfig {
  std::string otlp_url;
  Secret otlp_headers;
  reflect::Bounded<0, 2048> trace_url = *reflect::Bounded<0, 2048>::parse("");
  double sample_ratio = 1;
  static constexpr reflect::Doc docs[] = {
      {"otlp_url",
       "Of an OpenTelemetry collector that takes OTLP over HTTP: http://localhost:4318. Empty: no traces are sent"},
      {"otlp_headers", "For the collector: name=value,name2=value2, with percent-encoded values"},
      {"trace_url", "Where people look at a trace: https://jaeger.example.org/trace/{trace_id}. Empty: nowhere else"},
      {"sample_ratio", "The share of the traces that begin here, 0 to 1; for others the caller's flag decides"}};
};
MODELOPS_DESCRIBE(TelemetryConfig, otlp_url, otlp_headers, trace_url, sample_ratio);

struct FirstStartConfig {
  reflect::Slug organization = *reflect::Slug::parse("default");
  reflect::Email administrator = *reflect::Email::parse("admin@localhost");
  std::string profile;
  static constexpr reflect::Doc docs[] = {
      {"organization", "Made when the database is empty"},
      {"administrator", "Its address; the person signs in by a one-time link"},
      {"profile", "Where the command line's profile with the administrator's API token is written, once"}};
};
MODELOPS_DESCRIBE(FirstStartConfig, organization, administrator, profile);

struct LimitsConfig {
  reflect::Ranged<1, 1'000'000> connections_max = reflect::Ranged<1, 1'000'000>::of<10'000>();
  reflect::Ranged<0, 1'000'000> connections_per_client_max = reflect::Ranged<0, 1'000'000>::of<0>();
  config::ByteSize buffered_bytes_max = config::ByteSize::of(256 << 20);
  static constexpr reflect::Doc docs[] = {
      {"connections_max", "Open connections; more are answered 503"},
      {"connections_per_client_max",
       "Of them from one IPv4 address or one IPv6 network of 64 bits; 0: no such limit, as "
       "behind a proxy, where all have its address"},
      {"buffered_bytes_max", "Memory for the bodies of all requests together; more are answered 503"}};
};
MODELOPS_DESCRIBE(LimitsConfig, connections_max, connections_per_client_max, buffered_bytes_max);

struct ServeConfig {
  ApiConfig api;
  WebConfig web;
  http::TlsFiles tls;
  LimitsConfig limits;
  GatewayConfig gateway;
  DataConfig data;
  PrometheusConfig prometheus;
  TelemetryConfig telemetry;
  FirstStartConfig first_start;
};
MODELOPS_DESCRIBE(ServeConfig, api, web, tls, limits, gateway, data, prometheus, telemetry, first_start);

/// Where the configuration says that the database is: "sqlite:/path" or "postgresql://…".
std::string database_url(const ServeConfig& config);
/// The master keys' file: as configured, or beside the data folder.
std::filesystem::path key_file(const ServeConfig& config);
/// The blobs below the data folder.
std::filesystem::path blobs_folder(const ServeConfig& config);

/// Everything that `modelops serve` is, from construction to destruction.
class ControlPlane {
 public:
  /// Throws Error with what to do: the port is taken, the database cannot be opened, the key file is unsafe…
  /// `listeners` may have sockets for "api" and "web" already. `before_migration` is called when all else is ready and
  /// the schema is about to change.
  explicit ControlPlane(const ServeConfig& config, http::Listeners listeners = {},
                        const std::function<void()>& before_migration = {});
  ~ControlPlane();
  ControlPlane(const ControlPlane&) = delete;

  std::uint16_t port() const;
  std::uint16_t web_port() const;  ///< 0: it serves no web app
  /// The link of the very first start; nothing later.
  std::optional<std::string> first_sign_in_link() const;
  /// The API token of the very first start; nothing later.
  std::optional<std::string> first_api_token() const;
  /// `openapi.json`.
  const std::string& document() const;
  /// What another process may take over.
  const http::Listeners& listeners() const;
  /// Reads the TLS certificates again.
  void reload();
  /// Another process works on the same database without telling this one: whoever waits for news looks again.
  void look_for_news();
  /// Finishes what runs, then stops: `stop` within seconds, `finish` when the clients are done, with another process
  /// serving already.
  void drain(http::Farewell farewell = http::Farewell::stop);

 private:
  struct Graph;
  std::unique_ptr<Graph> graph_;
};

/// Where the process that serves this installation at this port waits for the one that replaces it.
std::filesystem::path hand_over_path(const ServeConfig& config);

/// A new one-time link for the administrator of the installation, for whoever can read its database and keys; starts
/// nothing and makes neither. Throws Error(not_found) before the first start of `modelops serve`.
std::string new_sign_in_link(const ServeConfig& config);

/// The API's table without a running server, for the generated document and the tests.
std::string openapi_document();

}  // namespace modelops::apps
