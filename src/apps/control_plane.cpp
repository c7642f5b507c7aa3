#include "apps/control_plane.hpp"

#include <filesystem>
#include <set>

#include "adapters/prometheus/history.hpp"
#include "apps/adapters.hpp"
#include "apps/pages.hpp"
#include "audit/integrator.hpp"
#include "audit/routes.hpp"
#include "audit/trail.hpp"
#include "cli/profile.hpp"
#include "deployments/jobs.hpp"
#include "deployments/routes.hpp"
#include "evidence/routes.hpp"
#include "formats/archive.hpp"
#include "formats/registry_analyzer.hpp"
#include "gateway/announced_trail.hpp"
#include "gateway/routes.hpp"
#include "gateway/service.hpp"
#include "gateway/snapshots.hpp"
#include "identity/routes.hpp"
#include "identity/visibility.hpp"
#include "migrations/migrations.hpp"
#include "monitoring/jobs.hpp"
#include "monitoring/routes.hpp"
#include "platform/api/router.hpp"
#include "platform/eventlog/retention.hpp"
#include "platform/eventlog/routes.hpp"
#include "platform/eventlog/sequencer.hpp"
#include "platform/http/server.hpp"
#include "platform/jobs/job_runner.hpp"
#include "platform/jobs/listener.hpp"
#include "platform/jobs/reconciler.hpp"
#include "platform/jobs/routes.hpp"
#include "platform/storage/file_blobs.hpp"
#include "registry/jobs.hpp"
#include "registry/routes.hpp"
#include "targets/jobs.hpp"
#include "targets/routes.hpp"

namespace modelops::apps {
namespace {

/// The audit log's integration, as the sequencer runs it.
class AuditTable final : public eventlog::SequencedTable {
 public:
  AuditTable(const audit::Integrator& integrator, audit::Trail& trail) : integrator_(integrator), trail_(trail) {}
  std::string_view name() const override { return "audit"; }
  std::size_t step(db::Tx& tx) override {
    tx.after_commit([this] { trail_.flush(); });
    return integrator_.step(tx);
  }

 private:
  const audit::Integrator& integrator_;
  audit::Trail& trail_;
};

/// Whose pages may call a gateway: the web app's own, and those that the configuration names.
std::vector<std::string> page_origins(const ServeConfig& config) {
  std::vector<std::string> out;
  if (config.web.enabled) {
    const std::string& url = config.web.public_url;
    out.push_back(url.substr(0, url.find('/', url.find("://") + 3)));
  }
  for (const gateway::Origin& origin : config.gateway.cors_origins) out.push_back(origin.str());
  return out;
}

std::string sign_in_link(const ServeConfig& config, const std::string& token) {
  return config.web.public_url + "/modelops/sign-in#token=" + token;
}

bool secure_cookies(const ServeConfig& config) {
  return config.api.public_url.starts_with("https:") || config.web.public_url.starts_with("https:");
}

std::unique_ptr<monitoring::History> metric_history(const ServeConfig& config) {
  const std::string& url = config.prometheus.url;
  if (url.empty()) return nullptr;
  if (!reflect::Url::parse(url))
    fail(ErrorCode::invalid, fmt::format("prometheus.url {}: {}", reflect::TextRule<reflect::Url>::says(), url));
  return std::make_unique<adapters::prometheus::PrometheusHistory>(url);
}

/// Null when no collector is configured.
std::unique_ptr<tracing::Exporter> trace_exporter(const ServeConfig& config, metrics::Registry& registry) {
  if (config.telemetry.otlp_url.empty()) return nullptr;
  return std::make_unique<tracing::Exporter>(tracing::ExporterOptions{.url = config.telemetry.otlp_url,
                                                                      .headers = config.telemetry.otlp_headers,
                                                                      .service = "modelops-server",
                                                                      .version = MODELOPS_VERSION,
                                                                      .sample_ratio = config.telemetry.sample_ratio},
                                             registry);
}

[[noreturn]] void fail_not_started(const std::string& missing) {
  fail(ErrorCode::not_found, fmt::format("{} Start `modelops serve` first, or give this command the settings that it "
                                         "was started with, --data.folder for one.",
                                         missing));
}

}  // namespace

std::string database_url(const ServeConfig& config) {
  if (!config.data.database.empty()) return config.data.database;
  return "sqlite:" + (std::filesystem::path(config.data.folder) / "modelops.db").string();
}

std::filesystem::path key_file(const ServeConfig& config) {
  if (!config.data.key_file.empty()) return config.data.key_file;
  const auto folder = std::filesystem::absolute(config.data.folder).lexically_normal();
  return (folder.filename().empty() ? folder.parent_path() : folder).string() + ".master.key";
}

std::filesystem::path blobs_folder(const ServeConfig& config) {
  return std::filesystem::path(config.data.folder) / "blobs";
}

/// In the order of dependence; destroyed in the reverse order, so that what runs ends before what it uses.
struct ControlPlane::Graph {
  Graph(const ServeConfig& given, http::Listeners given_listeners, const std::function<void()>& before_migration)
      : config(given), listeners(std::move(given_listeners)) {
    const bool schema_changes = database->schema_version().value_or(0) < all_migrations().back().version;
    if (before_migration && schema_changes) before_migration();
    database->migrate(all_migrations());
    boot = identity.bootstrap(config.first_start.organization.str(), config.first_start.administrator.str());
    if (boot && !config.first_start.profile.empty()) write_profile();
    server.emplace(
        http::ServerOptions{
            .name = "api",
            .address = config.api.address,
            .port = static_cast<std::uint16_t>(config.api.port.number()),
            .listeners = &listeners,
            .tls = api_tls,
            .pool_threads = 16,
            .connections_max = static_cast<std::size_t>(config.limits.connections_max.number()),
            .connections_per_client_max = static_cast<std::size_t>(config.limits.connections_per_client_max.number()),
            .buffered_bytes_max = config.limits.buffered_bytes_max.bytes()},
        router, topics, &metrics);
    if (config.web.enabled)
      web_port = server->listen("web", config.web.address, static_cast<std::uint16_t>(config.web.port.number()),
                                web_router, web_tls);
    listeners.drop_unused();
    listener.emplace(database_url(config), topics);
    jobs.emplace(*database, topics, clock, leases, job_handlers, jobs::JobRunnerOptions{.exporter = exporter.get()});
    reconcilers.emplace(
        topics, leases,
        std::vector<jobs::Reconciler*>{&event_sequencer, &audit_sequencer, &retention, &upload_cleaner, &liveness,
                                       &controller, &drains, &event_retention, &snapshots, &metrics_retention});
  }

  static api::Routes all_routes(Graph& g) {
    api::Routes all;
    const auto add = [&](api::Routes routes) {
      for (api::Route& route : routes) all.push_back(std::move(route));
    };
    add(identity::routes(g.identity));
    add(audit::routes(g.audit));
    add(jobs::routes(g.operations));
    add(eventlog::routes(g.event_reader));
    add(evidence::routes(g.evidence));
    add(registry::routes(g.registry, g.uploads));
    add(registry::routes(g.tus, g.quotas));
    add(registry::routes(g.tensors, g.activity));
    add(targets::routes(g.targets, g.machines));
    add(deployments::routes(g.deployments));
    add(gateway::routes(g.gateway, g.trials));
    add(monitoring::routes(g.monitoring, g.performance, g.discovery, g.requests));
    return all;
  }

  static std::filesystem::path prepared_folder(const ServeConfig& config) {
    std::filesystem::create_directories(config.data.folder);
    std::filesystem::permissions(config.data.folder, std::filesystem::perms::owner_all);
    return config.data.folder;
  }

  /// The permissions that roles are made of: those of the routes, and those that services ask for themselves.
  std::vector<std::string> permissions() {
    std::set<std::string> out{std::string(identity::organization_see_all.name), "inference:call"};
    for (const api::Route& route : routes) {
      if (route.permission != api::anyone && route.permission != api::signed_in) out.emplace(route.permission.name);
    }
    return {out.begin(), out.end()};
  }

  void write_profile() {
    cli::Profiles profiles = cli::load_profiles(config.first_start.profile);
    profiles.profiles["default"].url = config.api.public_url;
    profiles.profiles["default"].token = boot->api_token;
    profiles.current = "default";
    cli::save_profiles(config.first_start.profile, profiles);
  }

  static std::shared_ptr<http::Tls> certificates(http::TlsFiles files, bool of_clients) {
    if (!of_clients) files.client_ca_file.clear();
    return files.on() ? std::make_shared<http::Tls>(std::move(files)) : nullptr;
  }

  const ServeConfig config;
  http::Listeners listeners;
  const std::shared_ptr<http::Tls> api_tls = certificates(config.tls, true);
  const std::shared_ptr<http::Tls> web_tls = certificates(config.tls, false);
  const std::filesystem::path folder = prepared_folder(config);
  SystemClock clock;
  metrics::Registry metrics;
  const std::unique_ptr<tracing::Exporter> exporter = trace_exporter(config, metrics);
  events::Topics topics;
  std::unique_ptr<db::Database> database =
      db::Database::open({.url = database_url(config), .statement_timeout = config.data.statement_timeout.value()});
  crypto::Keyring keyring{key_file(config), folder};
  storage::FileBlobs blobs{blobs_folder(config), {.reserve_bytes = config.data.free_space_reserve.bytes()}};
  audit::Trail records{*database, clock, keyring};
  gateway::AnnouncedTrail trail{records, topics, deployments::endpoints_topic};
  audit::Integrator integrator{clock, keyring};
  AuditTable audit_table{integrator, records};
  audit::Service audit{*database, clock, keyring, trail};
  identity::Access access{*database, clock, trail, keyring, topics, secure_cookies(config)};
  identity::Service identity{*database, clock, trail, access};
  eventlog::EventLog events{topics, clock};
  eventlog::EventReader event_reader{*database, identity::changeable_by};
  jobs::Operations operations{*database, topics, clock, identity::changeable_by,
                              [this](db::Tx& tx, const Context& ctx, const jobs::Operation& operation) {
                                trail.record(tx, ctx, {"operation.cancel", "operation", operation.id.str()});
                              }};

  // The registry asks deployments for uses and deployments ask the registry for versions: the link is set at the end.
  registry::Service* registry_link = nullptr;
  RegistryVersions registry_versions{registry_link};
  RegistryArtifacts registry_artifacts{registry_link};

  targets::ServerKeys server_keys{*database, clock, keyring};
  targets::MachineAccess machine_access{*database, clock, trail, server_keys, topics};
  deployments::Service* deployments_link = nullptr;
  DeploymentTargets deployment_targets{deployments_link};
  targets::Service targets{*database, clock, trail, events, topics, deployment_targets};
  deployments::EngineCatalogue engines = deployments::EngineCatalogue::load();
  deployments::AdmitAll admission;
  deployments::Controller controller{*database, clock, trail, events, topics, keyring, targets};
  deployments::Service deployments{*database, clock, trail, targets, controller, engines, registry_versions, admission};
  bool deployments_linked = (deployments_link = &deployments, true);

  registry::VersionApprovals version_approvals{clock, events};
  evidence::Service evidence{*database, clock, trail, events, {&version_approvals}};
  registry::Uploads uploads{*database, clock,  blobs,
                            trail,     events, {.file_bytes_max = config.data.upload_bytes_max.bytes()}};
  registry::Quotas quotas{*database,
                          trail,
                          {static_cast<std::int64_t>(config.data.organization_bytes_max.bytes()),
                           config.data.organization_uploads_max.number()}};
  formats::Unpacker unpacker;
  registry::Transfers transfers{*database, clock, blobs, trail, uploads, quotas, unpacker};
  registry::TusEndpoint tus{transfers};
  DeploymentUses deployment_uses{deployments};
  registry::Service registry{*database, clock, blobs, trail, events, evidence, operations, uploads, {&deployment_uses}};
  bool linked = (registry_link = &registry, true);
  formats::RegistryTensorReader tensor_reader;
  registry::Tensors tensors{*database, registry, tensor_reader};
  registry::Activity activity{*database, registry, evidence, audit, {&deployment_uses}};
  formats::RegistryAnalyzer analyzer;
  registry::AnalyzeHandler analyze{*database, clock, blobs, events, analyzer};

  DeploymentRoutes deployment_routes{deployments, registry_link};
  gateway::Service gateway{*database, machine_access};
  gateway::Trials trials{*database, identity, deployment_routes, config.gateway.public_url};
  monitoring::Service monitoring{*database, clock, machine_access, gateway, deployments};
  monitoring::Discovery discovery{*database, clock, targets, gateway, deployments, config.api.public_url};
  std::unique_ptr<monitoring::History> history = metric_history(config);
  monitoring::Performance performance{*database, clock, gateway, deployments, history.get()};
  monitoring::Requests requests{*database, deployments, config.telemetry.trace_url.str()};
  ObservedByAll observed{controller, monitoring};
  DesiredWithMetrics desired{controller, monitoring};
  targets::Machines machines{*database, clock,   trail,    server_keys,       machine_access,
                             topics,    desired, observed, registry_artifacts};

  api::Routes routes = all_routes(*this);
  std::string document = api::openapi(routes, MODELOPS_VERSION);
  bool permissions_told = (access.set_known_permissions(permissions()), true);
  api::Router router{routes,
                     access,
                     api_pages(
                         document, metrics, [this] { return not_ready(); }, config.web.public_url),
                     {.exporter = exporter.get(), .database = database.get()}};
  /// The same API beside the web app, so that the app needs no other origin for it.
  api::Router web_router{routes,
                         access,
                         web_pages(document, config.web.public_url, config.gateway.public_url),
                         {.exporter = exporter.get(), .database = database.get()}};

  jobs::LeaseKeeper leases{*database};
  eventlog::Sequencer event_sequencer{*database, events};
  eventlog::Sequencer audit_sequencer{*database, audit_table};
  eventlog::Retention retention{*database, clock};
  registry::UploadCleaner upload_cleaner{uploads};
  targets::Liveness liveness{targets};
  deployments::Drains drains{controller};
  deployments::EventRetention event_retention{*database, clock};
  gateway::Snapshots snapshots{*database,           clock, deployment_routes, topics, deployments::endpoints_topic,
                               page_origins(config)};
  monitoring::Retention metrics_retention{*database, clock};
  std::vector<jobs::JobHandler*> job_handlers{&analyze};

  std::optional<identity::Bootstrap> boot;
  std::optional<jobs::Listener> listener;
  std::optional<jobs::JobRunner> jobs;
  std::optional<jobs::ReconcilerRunner> reconcilers;
  std::optional<http::Server> server;
  std::uint16_t web_port = 0;

  std::optional<std::string> not_ready() {
    try {
      database->read([](db::Tx& tx) { tx.value<std::int64_t>("SELECT count(*) FROM organizations"); });
      return std::nullopt;
    } catch (const Error& error) {
      return error.message;
    }
  }
};

ControlPlane::ControlPlane(const ServeConfig& config, http::Listeners listeners,
                           const std::function<void()>& before_migration)
    : graph_(std::make_unique<Graph>(config, std::move(listeners), before_migration)) {}
ControlPlane::~ControlPlane() = default;

std::uint16_t ControlPlane::port() const { return graph_->server->port(); }
std::uint16_t ControlPlane::web_port() const { return graph_->web_port; }

std::optional<std::string> ControlPlane::first_sign_in_link() const {
  if (!graph_->boot) return std::nullopt;
  return sign_in_link(graph_->config, graph_->boot->sign_in_token);
}

std::optional<std::string> ControlPlane::first_api_token() const {
  if (!graph_->boot) return std::nullopt;
  return graph_->boot->api_token;
}

const std::string& ControlPlane::document() const { return graph_->document; }

const http::Listeners& ControlPlane::listeners() const { return graph_->listeners; }

void ControlPlane::reload() {
  for (const auto& tls : {graph_->api_tls, graph_->web_tls})
    if (tls) tls->reload();
}

void ControlPlane::look_for_news() { graph_->topics.notify_all(); }

void ControlPlane::drain(http::Farewell farewell) {
  graph_->listeners.close();
  // First, so that another process may have their leases.
  graph_->reconcilers.reset();
  graph_->jobs.reset();
  if (farewell == http::Farewell::finish) {
    // Longer than a connection may be idle: each closes at its client's next request, or by its ordinary time-out.
    graph_->server->drain(std::chrono::hours(1), std::chrono::seconds(75));
  } else {
    graph_->server->drain(std::chrono::seconds(20));
  }
  graph_->records.flush();
}

std::filesystem::path hand_over_path(const ServeConfig& config) {
  return std::filesystem::path(config.data.folder) / "run" / fmt::format("serve-{}.sock", config.api.port.number());
}

std::string new_sign_in_link(const ServeConfig& config) {
  const std::string url = database_url(config);
  if (constexpr std::string_view sqlite = "sqlite:"; url.starts_with(sqlite)) {
    const std::string file = url.substr(sqlite.size());
    if (!std::filesystem::exists(file)) fail_not_started(fmt::format("There is no database {} yet.", file));
  }
  const std::filesystem::path keys = key_file(config);
  if (!std::filesystem::exists(keys)) fail_not_started(fmt::format("There is no key file {} yet.", keys.string()));
  const auto database = db::Database::open({.url = url, .readers = 1});
  const auto version_found = database->schema_version();
  const int newest = all_migrations().back().version;
  if (!version_found) fail_not_started("The database is empty.");
  if (*version_found != newest)
    fail(ErrorCode::conflict,
         fmt::format("The database is at schema version {}, this program at {}: use the program that runs the server.",
                     *version_found, newest));
  const SystemClock clock;
  const crypto::Keyring keyring(keys, config.data.folder);
  audit::Trail trail(*database, clock, keyring);
  events::Topics topics;  // nobody waits
  identity::Access access(*database, clock, trail, keyring, topics, secure_cookies(config));
  identity::Service identity(*database, clock, trail, access);
  const auto token = identity.new_admin_link();
  if (!token) fail(ErrorCode::not_found, "The installation has no administrator who is a member of an organization.");
  return sign_in_link(config, *token);
}

std::string openapi_document() {
  // The table needs its services, not their data: a database in a folder that goes away again.
  const auto folder = std::filesystem::temp_directory_path() / ("modelops-openapi-" + new_uuid7());
  ServeConfig config;
  config.data.folder = (folder / "data").string();
  config.api.port = *reflect::Ranged<0, 65535>::parse(0);
  config.web.enabled = false;
  std::string document;
  {
    const ControlPlane plane(config);
    document = plane.document();
  }
  std::filesystem::remove_all(folder);
  return document;
}

}  // namespace modelops::apps
