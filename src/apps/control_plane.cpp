#include "apps/control_plane.hpp"

#include <filesystem>
#include <set>

#include "apps/adapters.hpp"
#include "apps/pages.hpp"
#include "audit/integrator.hpp"
#include "audit/routes.hpp"
#include "audit/trail.hpp"
#include "cli/profile.hpp"
#include "deployments/jobs.hpp"
#include "deployments/routes.hpp"
#include "evidence/routes.hpp"
#include "formats/registry_analyzer.hpp"
#include "gateway/routes.hpp"
#include "gateway/service.hpp"
#include "gateway/snapshots.hpp"
#include "identity/routes.hpp"
#include "migrations/migrations.hpp"
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

constexpr std::string_view version = "0.1.0";

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

std::string database_url(const ServeConfig& config) {
  if (!config.data.database.empty()) return config.data.database;
  return "sqlite:" + (std::filesystem::path(config.data.folder) / "modelops.db").string();
}

std::filesystem::path key_file(const ServeConfig& config) {
  if (!config.data.key_file.empty()) return config.data.key_file;
  const auto folder = std::filesystem::absolute(config.data.folder).lexically_normal();
  return (folder.filename().empty() ? folder.parent_path() : folder).string() + ".master.key";
}

}  // namespace

/// In the order of dependence; destroyed in the reverse order, so that what runs ends before what it uses.
struct ControlPlane::Graph {
  explicit Graph(const ServeConfig& given) : config(given) {
    database->migrate(all_migrations());
    boot = identity.bootstrap(config.first_start.organization.str(), config.first_start.administrator.str());
    if (boot && !config.first_start.profile.empty()) write_profile();
    server.emplace(http::ServerOptions{.name = "api",
                                       .address = config.api.address,
                                       .port = static_cast<std::uint16_t>(config.api.port.number()),
                                       .pool_threads = 16},
                   router, topics, &metrics);
    listener.emplace(database_url(config), topics);
    jobs.emplace(*database, topics, clock, leases, job_handlers);
    reconcilers.emplace(topics, leases,
                        std::vector<jobs::Reconciler*>{&event_sequencer, &audit_sequencer, &retention, &upload_cleaner,
                                                       &liveness, &controller, &drains, &event_retention, &snapshots});
  }

  static api::Routes all_routes(Graph& g) {
    api::Routes all;
    const auto add = [&](api::Routes routes) {
      for (api::Route& route : routes) all.push_back(std::move(route));
    };
    add(identity::routes(g.identity));
    add(audit::routes(g.audit));
    add(jobs::routes(g.operations));
    add(eventlog::routes(g.events));
    add(evidence::routes(g.evidence));
    add(registry::routes(g.registry, g.uploads));
    add(targets::routes(g.targets, g.machines));
    add(deployments::routes(g.deployments));
    add(gateway::routes(g.gateway));
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

  const ServeConfig config;
  const std::filesystem::path folder = prepared_folder(config);
  SystemClock clock;
  metrics::Registry metrics;
  events::Topics topics;
  std::unique_ptr<db::Database> database = db::Database::open({.url = database_url(config)});
  crypto::Keyring keyring{key_file(config), folder};
  storage::FileBlobs blobs{folder / "blobs", {.reserve_bytes = config.data.free_space_reserve.bytes()}};
  audit::Trail trail{*database, clock, keyring};
  audit::Integrator integrator{clock, keyring};
  AuditTable audit_table{integrator, trail};
  audit::Service audit{*database, clock, keyring, trail};
  identity::Access access{*database, clock, trail, keyring, config.api.public_url.starts_with("https:")};
  identity::Service identity{*database, clock, trail, access};
  eventlog::EventLog events{*database, topics, clock};
  jobs::Operations operations{*database, topics, clock,
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
  targets::Machines machines{*database, clock,      trail,      server_keys,       machine_access,
                             topics,    controller, controller, registry_artifacts};

  registry::VersionApprovals version_approvals{clock, events};
  evidence::Service evidence{*database, clock, trail, events, {&version_approvals}};
  registry::Uploads uploads{*database, clock,  blobs,
                            trail,     events, {.file_bytes_max = config.data.upload_bytes_max.bytes()}};
  DeploymentUses deployment_uses{deployments};
  registry::Service registry{*database, clock, blobs, trail, events, evidence, operations, uploads, {&deployment_uses}};
  bool linked = (registry_link = &registry, true);
  formats::RegistryAnalyzer analyzer;
  registry::AnalyzeHandler analyze{*database, clock, blobs, events, analyzer};

  DeploymentRoutes deployment_routes{deployments, registry_link};
  gateway::Service gateway{*database, machine_access};

  api::Routes routes = all_routes(*this);
  std::string document = api::openapi(routes, version);
  bool permissions_told = (access.set_known_permissions(permissions()), true);
  api::Router router{routes, access, pages(document, metrics, [this] { return not_ready(); })};

  jobs::LeaseKeeper leases{*database};
  eventlog::Sequencer event_sequencer{*database, events};
  eventlog::Sequencer audit_sequencer{*database, audit_table};
  eventlog::Retention retention{*database, clock};
  registry::UploadCleaner upload_cleaner{uploads};
  targets::Liveness liveness{targets};
  deployments::Drains drains{controller};
  deployments::EventRetention event_retention{*database, clock};
  gateway::Snapshots snapshots{*database, clock, deployment_routes, topics, deployments::endpoints_topic};
  std::vector<jobs::JobHandler*> job_handlers{&analyze};

  std::optional<identity::Bootstrap> boot;
  std::optional<jobs::Listener> listener;
  std::optional<jobs::JobRunner> jobs;
  std::optional<jobs::ReconcilerRunner> reconcilers;
  std::optional<http::Server> server;

  std::optional<std::string> not_ready() {
    try {
      database->read([](db::Tx& tx) { tx.value<std::int64_t>("SELECT count(*) FROM organizations"); });
      return std::nullopt;
    } catch (const Error& error) {
      return error.message;
    }
  }
};

ControlPlane::ControlPlane(const ServeConfig& config) : graph_(std::make_unique<Graph>(config)) {}
ControlPlane::~ControlPlane() = default;

std::uint16_t ControlPlane::port() const { return graph_->server->port(); }

std::optional<std::string> ControlPlane::first_sign_in_link() const {
  if (!graph_->boot) return std::nullopt;
  return graph_->config.api.public_url + "/sign-in#token=" + graph_->boot->sign_in_token;
}

std::optional<std::string> ControlPlane::first_api_token() const {
  if (!graph_->boot) return std::nullopt;
  return graph_->boot->api_token;
}

std::optional<std::string> ControlPlane::new_sign_in_link() {
  const auto token = graph_->identity.new_admin_link();
  if (!token) return std::nullopt;
  return graph_->config.api.public_url + "/sign-in#token=" + *token;
}

const std::string& ControlPlane::document() const { return graph_->document; }

void ControlPlane::drain() {
  graph_->server->drain(std::chrono::seconds(20));
  graph_->reconcilers.reset();
  graph_->jobs.reset();
  graph_->trail.flush();
}

std::string openapi_document() {
  // The table needs its services, not their data: a database in a folder that goes away again.
  const auto folder = std::filesystem::temp_directory_path() / ("modelops-openapi-" + new_uuid7());
  ServeConfig config;
  config.data.folder = (folder / "data").string();
  config.api.port = *reflect::Ranged<0, 65535>::parse(0);
  std::string document;
  {
    const ControlPlane plane(config);
    document = plane.document();
  }
  std::filesystem::remove_all(folder);
  return document;
}

}  // namespace modelops::apps
