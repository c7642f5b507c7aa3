#include "apps/doctor.hpp"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/output.hpp"
#include "migrations/migrations.hpp"
#include "platform/crypto/hash.hpp"
#include "platform/crypto/keyring.hpp"
#include "platform/http/client.hpp"
#include "platform/storage/file_blobs.hpp"

namespace modelops::apps {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t names_max = 5;                      // of a list in one finding
constexpr std::chrono::minutes integration_delay_max{5};  // of events and audit records

struct MachineRow {
  std::string kind;
  std::string name;
  std::string state;
  std::optional<Time> last_seen_at;
};
MODELOPS_DESCRIBE(MachineRow, kind, name, state, last_seen_at);

struct DeploymentRow {
  std::string name;
  std::string state;
  std::optional<std::string> reason;
};
MODELOPS_DESCRIBE(DeploymentRow, name, state, reason);

struct ArtifactRow {
  std::string blob_key;
  std::string sha256;
  std::int64_t size_bytes = 0;
};
MODELOPS_DESCRIBE(ArtifactRow, blob_key, sha256, size_bytes);

/// "a, b, c and 4 more".
std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), names_max); ++i)
    out += (i == 0 ? "" : ", ") + cli::printable(names[i]);
  return names.size() > names_max ? fmt::format("{} and {} more", out, names.size() - names_max) : out;
}

http::Client impatient_client() {
  return http::Client({.addresses = http::AddressPolicy::any,
                       .connect_timeout = std::chrono::seconds(2),
                       .total_timeout = std::chrono::seconds(5)});
}

http::Headers json_headers() {
  http::Headers out;
  out.add("Content-Type", "application/json");
  return out;
}

class Doctor {
 public:
  Doctor(const ServeConfig& config, bool read_artifacts) : config_(config), read_artifacts_(read_artifacts) {}

  Diagnosis run() {
    check("data folder", [this] { look_at_folder(); });
    check("disk", [this] { look_at_disk(); });
    check("master keys", [this] { look_at_keys(); });
    check("database", [this] { look_at_database(); });
    check("server", [this] { look_at_server(); });
    if (!config_.telemetry.otlp_url.empty()) check("traces", [this] { look_at_collector(); });
    // The rest is in the database.
    if (database_ && schema_is_current_) {
      check("secrets", [this] { look_at_secrets(); });
      check("artifacts", [this] { look_at_artifacts(); });
      check("machines", [this] { look_at_machines(); });
      check("deployments", [this] { look_at_deployments(); });
      check("logs of changes", [this] { look_at_sequencers(); });
      check("jobs", [this] { look_at_jobs(); });
    }
    for (const Check& each : out_.checks) out_.state = std::max(out_.state, each.state);
    return std::move(out_);
  }

 private:
  /// What a check does not say is failed with the words of the error that ended it.
  template <class F>
  void check(std::string name, F&& look) {
    name_ = std::move(name);
    try {
      look();
    } catch (const Error& error) {
      failed(error.message, "");
    }
  }
  void ok(std::string finding) { out_.checks.push_back({name_, CheckState::ok, std::move(finding), ""}); }
  void warn(std::string finding, std::string remedy) {
    out_.checks.push_back({name_, CheckState::warning, std::move(finding), std::move(remedy)});
  }
  void failed(std::string finding, std::string remedy) {
    out_.checks.push_back({name_, CheckState::failed, std::move(finding), std::move(remedy)});
  }

  void look_at_folder() {
    const fs::path folder = config_.data.folder;
    struct stat status{};
    if (::stat(folder.c_str(), &status) != 0)
      return failed(fmt::format("{} does not exist.", folder.string()),
                    "Start `modelops serve` once, or name the folder that it uses with --data.folder.");
    if ((status.st_mode & 077) != 0)
      return warn(fmt::format("{} can be read by other users.", folder.string()),
                  fmt::format("chmod 700 {}", folder.string()));
    if (status.st_uid != ::geteuid())
      return warn(fmt::format("{} belongs to another user.", folder.string()),
                  "Run this command as the user that runs `modelops serve`.");
    ok(fs::absolute(folder).string());
  }

  void look_at_disk() {
    struct statvfs status{};
    if (::statvfs(config_.data.folder.c_str(), &status) != 0) return;  // the folder's check has said it
    const std::uint64_t free_bytes = std::uint64_t{status.f_bavail} * status.f_frsize;
    const std::uint64_t all_bytes = std::uint64_t{status.f_blocks} * status.f_frsize;
    const std::string finding =
        fmt::format("{} free of {}.", cli::human_bytes(free_bytes), cli::human_bytes(all_bytes));
    const std::string remedy = "Delete models that nobody uses, or move the data folder to a larger disk.";
    if (free_bytes < config_.data.free_space_reserve.bytes())
      return failed(finding + " That is less than data.free_space_reserve: uploads are refused.", remedy);
    if (free_bytes < all_bytes / 20) return warn(finding, remedy);
    ok(finding);
  }

  void look_at_keys() {
    const fs::path file = key_file(config_);
    if (!fs::exists(file))
      return failed(
          fmt::format("There is no key file {}.", file.string()),
          "Put the file back that the installation had: without it no stored secret can be read. Name another "
          "place with --data.key_file.");
    keyring_.emplace(file, config_.data.folder);
    ok(fmt::format("{}, active key {}.", file.string(), keyring_->active_key_id()));
  }

  void look_at_database() {
    const std::string url = database_url(config_);
    const bool sqlite = url.starts_with("sqlite:");
    if (sqlite && !fs::exists(url.substr(7))) return failed(fmt::format("There is no database {}.", url.substr(7)), "");
    database_ = db::Database::open({.url = url, .readers = 1});
    const auto version = database_->schema_version();
    const int newest = all_migrations().back().version;
    if (!version) return failed("The database is empty.", "Start `modelops serve` once.");
    if (*version > newest)
      return failed(fmt::format("It is at schema version {}, this program knows {}.", *version, newest),
                    "Use the newer program; a database cannot go back.");
    if (*version < newest)
      return warn(fmt::format("It is at schema version {}, this program at {}.", *version, newest),
                  "Make a backup; the next start of `modelops serve` brings it up to date.");
    schema_is_current_ = true;
    if (sqlite) {
      const auto verdict = database_->read([](db::Tx& tx) { return tx.value<std::string>("PRAGMA quick_check(1)"); });
      if (verdict != "ok")
        return failed("SQLite finds it damaged: " + cli::printable(verdict.value_or("")),
                      "Stop the server and restore the newest backup (`modelops restore`).");
    }
    ok(fmt::format("{}, schema version {}.", sqlite ? "SQLite" : "PostgreSQL", *version));
  }

  void look_at_collector() {
    const std::string url = config_.telemetry.otlp_url + "/v1/traces";
    try {
      http::Client client = impatient_client();
      const http::Response answer = client.send(
          {.method = http::Method::post, .url = url, .headers = json_headers(), .body = R"({"resourceSpans":[]})"});
      // Whether it takes the headers of telemetry.otlp_headers is seen in modelops_spans_dropped_total.
      if (answer.status < 300 || answer.status == 401 || answer.status == 403) return ok(url + " answers.");
      warn(fmt::format("{} answers {}: traces are lost.", url, answer.status),
           "telemetry.otlp_url must name a collector that takes OTLP over HTTP in JSON, without /v1/traces.");
    } catch (const Error&) {
      warn(fmt::format("Nothing answers at {}: traces are lost.", url),
           "Start the collector, or correct telemetry.otlp_url (the usual port is 4318).");
    }
  }

  void look_at_server() {
    const std::string base = fmt::format("http://{}:{}", config_.api.address, config_.api.port.number());
    http::Client client = impatient_client();
    try {
      const http::Response ready = client.send({.url = base + "/readyz"});
      if (ready.status == 200) return ok(base + " is ready.");
      failed(fmt::format("{} is not ready: {}", base, cli::printable(ready.body.substr(0, 300))),
             "See its log; the check of the database says more.");
    } catch (const Error&) {
      warn(fmt::format("Nothing answers at {}.", base),
           "Start `modelops serve`, or give this command the server's --api.address and --api.port.");
    }
  }

  void look_at_secrets() {
    if (!keyring_) return;
    std::set<std::string> missing;
    for (const std::string& wrapped :
         database_->read([](db::Tx& tx) { return tx.values<std::string>("SELECT wrapped FROM data_keys"); }))
      if (const auto id = crypto::Keyring::master_key_id(wrapped); !keyring_->has_key(id)) missing.emplace(id);
    if (missing.empty()) return ok("All can be opened with the master keys.");
    failed(fmt::format("The master keys {} are not in the key file.", listed({missing.begin(), missing.end()})),
           "Put the key file back that was in use when the secrets were stored.");
  }

  void look_at_artifacts() {
    const auto rows = database_->read(
        [](db::Tx& tx) { return tx.all<ArtifactRow>("SELECT blob_key, sha256, size_bytes FROM artifacts"); });
    const storage::FileBlobs blobs(blobs_folder(config_));
    std::vector<std::string> bad;
    std::uint64_t bytes = 0;
    for (const ArtifactRow& row : rows) {
      bytes += static_cast<std::uint64_t>(row.size_bytes);
      if (!is_whole(blobs, row)) bad.push_back(row.sha256);
    }
    if (!bad.empty())
      return failed(fmt::format("{} of {} are missing or damaged: {}.", bad.size(), rows.size(), listed(bad)),
                    "Upload those files again, or restore the newest backup (`modelops restore`).");
    ok(fmt::format("{}, {}; {}.", rows.size(), cli::human_bytes(bytes),
                   read_artifacts_ ? "every one has its digest" : "every one has its size"));
  }

  bool is_whole(const storage::Blobs& blobs, const ArtifactRow& row) const {
    const auto key = storage::BlobKey::parse(row.blob_key);
    if (!key) return false;
    try {
      const auto reader = blobs.open(*key);
      if (reader->size_bytes() != static_cast<std::uint64_t>(row.size_bytes)) return false;
      if (!read_artifacts_) return true;
      crypto::Sha256 hash;
      std::vector<char> buffer(1 << 20);
      std::uint64_t offset = 0;
      while (const std::size_t got = reader->read_at(offset, buffer)) {
        hash.update({buffer.data(), got});
        offset += got;
      }
      return to_hex(hash.finish()) == row.sha256;
    } catch (const Error&) {
      return false;
    }
  }

  void look_at_machines() {
    const auto rows = database_->read([](db::Tx& tx) {
      return tx.all<MachineRow>(
          "SELECT kind, name, state, last_seen_at FROM machines WHERE deleted_at IS NULL ORDER BY name");
    });
    std::vector<std::string> away;
    for (const MachineRow& row : rows)
      if (row.state == "offline")
        away.push_back(fmt::format("{} {} (last seen {})", row.kind, row.name,
                                   row.last_seen_at ? format_rfc3339(*row.last_seen_at) : "never"));
    if (!away.empty())
      return warn("Offline: " + listed(away),
                  "Start the agent or gateway there, and see in its log why it cannot reach the server.");
    ok(fmt::format("{}, none offline.", rows.size()));
  }

  void look_at_deployments() {
    const auto rows = database_->read([](db::Tx& tx) {
      return tx.all<DeploymentRow>(
          "SELECT name, state, reason FROM deployments WHERE deleted_at IS NULL AND state IN ('failed', 'degraded') "
          "ORDER BY name");
    });
    if (rows.empty()) return ok("None failed or degraded.");
    std::vector<std::string> bad;
    for (const DeploymentRow& row : rows)
      bad.push_back(fmt::format("{} {}{}", row.name, row.state, row.reason ? " (" + *row.reason + ")" : ""));
    warn(listed(bad), "Open the deployment: its events and logs say what to do.");
  }

  /// Events and audit records are put in order by the running server within a second.
  void look_at_sequencers() {
    const Time before = SystemClock().now() - integration_delay_max;
    const auto waiting = database_->read([&](db::Tx& tx) {
      return tx.value<std::int64_t>("SELECT count(*) FROM events WHERE seq IS NULL AND created_at < ?", before)
                 .value_or(0) +
             tx.value<std::int64_t>("SELECT count(*) FROM audit_records WHERE leaf_index IS NULL AND time < ?", before)
                 .value_or(0);
    });
    if (waiting == 0) return ok("Events and audit records are in order.");
    warn(fmt::format("{} events or audit records have waited for more than five minutes.", waiting),
         "Start the server; if it runs, see its log.");
  }

  void look_at_jobs() {
    const Time before = SystemClock().now() - std::chrono::hours(1);
    const auto late = database_->read(
        [&](db::Tx& tx) { return tx.value<std::int64_t>("SELECT count(*) FROM jobs WHERE due_us < ?", before); });
    if (late.value_or(0) == 0) return ok("None is late.");
    warn(fmt::format("{} are due for more than an hour.", *late), "Start the server; if it runs, see its log.");
  }

  const ServeConfig& config_;
  const bool read_artifacts_;
  std::string name_;
  std::optional<crypto::Keyring> keyring_;
  std::unique_ptr<db::Database> database_;
  bool schema_is_current_ = false;
  Diagnosis out_;
};

}  // namespace

Diagnosis diagnose(const ServeConfig& config, bool read_artifacts) { return Doctor(config, read_artifacts).run(); }

}  // namespace modelops::apps
