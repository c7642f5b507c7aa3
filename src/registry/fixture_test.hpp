#pragma once
// An organisation with people, and the registry with all that it needs, on a temporary database and folder.
#include <gmock/gmock.h>

#include <filesystem>

#include "base/code_of_test.hpp"
#include "base/text.hpp"
#include "identity/recording_trail_test.hpp"
#include "identity/store.hpp"
#include "identity/visibility.hpp"
#include "migrations/migrations.hpp"
#include "platform/crypto/hash.hpp"
#include "platform/storage/file_blobs.hpp"
#include "registry/jobs.hpp"
#include "registry/routes.hpp"
#include "registry/rules.hpp"
#include "tests/support/database.hpp"

namespace modelops::registry::fixture {

struct FakeUsage final : UsageReport {
  std::vector<ModelUse> uses_of(db::Tx&, const Context&, const ModelId&) override { return uses; }
  std::vector<std::string> seen_uses_of(db::Tx&, const Context&, const ModelId&, std::int64_t) override { return seen; }
  std::vector<ModelUse> uses;
  std::vector<std::string> seen;
};

/// An archive is lines "path=content"; "broken" is none. `meanwhile` happens while it is unpacked.
struct FakeUnpacker final : Unpacker {
  void unpack(const storage::BlobReader& archive, const Limits& limits, Target& target) override {
    std::string bytes(archive.size_bytes(), '\0');
    archive.read_at(0, bytes);
    if (bytes == "broken") fail(ErrorCode::unprocessable, "The archive is damaged.");
    if (bytes.size() > limits.bytes_max) fail(ErrorCode::too_large, "The archive is too large.");
    for (const std::string_view line : split(bytes, '\n')) {
      const std::size_t equals = line.find('=');
      target.begin(std::string(line.substr(0, equals)));
      target.write(line.substr(equals + 1));
      target.end();
    }
    meanwhile();
  }
  std::function<void()> meanwhile = [] {};
};

/// Knows ONNX by its name only.
struct FakeAnalyzer final : SourceAnalyzer {
  Analysis analyze(const std::vector<SourceFile>& files) override {
    Analysis out;
    for (const SourceFile& file : files) {
      std::string bytes(file.size_bytes, '\0');
      file.open()->read_at(0, bytes);
      if (bytes == "broken") fail(ErrorCode::unprocessable, file.path + " ends at byte 6, in the middle of a header.");
      out.size_bytes += static_cast<std::int64_t>(file.size_bytes);
    }
    out.framework = Framework::onnx;
    out.architecture = "mlp";
    out.interface = ModelInterface::embedding;
    out.recommended_engine = "onnxruntime";
    out.license = "MIT";
    out.parameter_count = 42;
    return out;
  }
};

template <class F>
Error error_of(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return {ErrorCode::internal, ""};
}
inline Sha256Text sha256(std::string_view bytes) { return *Sha256Text::parse(crypto::sha256_hex(bytes)); }
inline Reference named(std::string_view text) { return *Reference::parse(text); }
inline VersionNumber number(std::int64_t n) { return *VersionNumber::parse(n); }

class RegistryFixture : public ::testing::TestWithParam<db::Dialect> {
 protected:
  RegistryFixture() { admin.actor.permissions.add(identity::organization_see_all.name); }
  ~RegistryFixture() override { std::filesystem::remove_all(folder); }

  identity::OrgId make_org(const std::string& name) {
    database->migrate(all_migrations());
    const auto id = identity::OrgId::make();
    database->write([&](db::Tx& tx) {
      tx.insert("organizations", identity::Organization{id, *Slug::parse(name), name, false, 1, {}, {}});
      tx.insert("roles", identity::RoleRow{id,
                                           identity::RoleId::make(),
                                           *Slug::parse("all"),
                                           "",
                                           true,
                                           {*identity::PermissionPattern::parse("*")},
                                           1,
                                           {}});
    });
    return id;
  }
  Context person(const identity::OrgId& in) {
    const auto user = identity::UserId::make();
    database->write([&](db::Tx& tx) {
      tx.insert("users", identity::UserRow{user, user.str(), user.str(), "N", std::nullopt, false, {}});
      tx.insert("members",
                identity::MemberRow{in, user, identity::store::find_role(tx, in.str(), "all")->id, false, 1, {}});
    });
    Context ctx;
    ctx.org_id = in.str();
    ctx.actor.kind = ActorKind::user;
    ctx.actor.id = user.str();
    for (const Permission p : {models_read, models_write, models_delete, uploads_write, evidence::approvals_request,
                               evidence::approvals_decide})
      ctx.actor.permissions.add(p.name);
    return ctx;
  }
  identity::TeamId team_of(Context& ctx, const std::string& name) {
    const auto id = identity::TeamId::make();
    database->write([&](db::Tx& tx) {
      tx.insert("teams", identity::TeamRow{*identity::OrgId::parse(ctx.org_id), id, *Slug::parse(name), name, 1, {}});
    });
    ctx.actor.team_ids.push_back(id.str());
    return id;
  }

  /// Sends a file in two halves.
  FileEntry put(const Context& ctx, const UploadId& upload, std::string_view path, std::string_view bytes,
                std::optional<Sha256Text> expected = std::nullopt) {
    NewTransfer wanted;
    wanted.upload_id = upload;
    wanted.path = path;
    wanted.size_bytes = std::ssize(bytes);
    wanted.sha256 = expected;
    TransferRow row = transfers.create(ctx, wanted);
    if (row.state == TransferState::receiving) {
      const auto receiver = transfers.receive(ctx, row.id, 0, std::nullopt, std::nullopt);
      receiver->write(bytes.substr(0, bytes.size() / 2));
      receiver->write(bytes.substr(bytes.size() / 2));
      row = receiver->finish();
    }
    EXPECT_EQ(row.state, TransferState::complete);
    return {*RelativePath::parse(path), *row.size_bytes, *row.sha256};
  }
  UploadId upload_with(const Context& ctx, std::string_view bytes) {
    const UploadId id = uploads.create(ctx, {}).id;
    put(ctx, id, "model.onnx", bytes);
    return id;
  }
  static CreateModel model_named(std::string_view name, Visibility visibility = Visibility::organization) {
    CreateModel out;
    out.name = *Slug::parse(name);
    out.visibility = visibility;
    return out;
  }
  ModelVersion version_with(const Context& ctx, const std::string& model, std::string_view bytes) {
    return service.create_version(ctx, {named(model), upload_with(ctx, bytes), std::nullopt, *Description::parse("")});
  }
  /// Does what is in the queue, as a runner would.
  SourceAnalysis run_analysis(const UploadId& upload) {
    const SourceAnalysis found = handler.analyze(org.str(), upload);
    database->write([&](db::Tx& tx) { handler.keep(tx, org.str(), found); });
    return found;
  }
  std::int64_t count(const std::string& table) {
    return *database->read([&](db::Tx& tx) { return tx.value<std::int64_t>("SELECT count(*) FROM " + table); });
  }
  std::size_t blobs_on_disk() {
    std::size_t out = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
      if (entry.is_regular_file()) ++out;
    return out;
  }

  std::filesystem::path folder = [] {
    auto path = std::filesystem::temp_directory_path() / ("modelops_registry_" + new_uuid7());
    std::filesystem::create_directories(path);
    return path;
  }();
  bool disk_is_full = false;
  testing::TestDatabase database{GetParam()};
  ManualClock clock{SystemClock().now()};
  identity::fixture::RecordingTrail trail;
  events::Topics topics;
  storage::FileBlobs blobs{folder, {.write_at = [this](int fd, const void* bytes, std::size_t n, off_t at) -> ssize_t {
                             if (!disk_is_full) return ::pwrite(fd, bytes, n, at);
                             errno = ENOSPC;
                             return -1;
                           }}};
  eventlog::EventLog events{topics, clock};
  VersionApprovals outcome{clock, events};
  evidence::Service evidence{*database, clock, trail, events, {&outcome}};
  eventlog::EventReader event_reader{*database, identity::changeable_by};
  jobs::Operations operations{*database, topics, clock, identity::changeable_by};
  Uploads uploads{*database, clock, blobs, trail, events, {.file_bytes_max = 1 << 20, .files_max = 4}};
  Quotas quotas{*database, trail, {.bytes_max = 8 << 20, .transfers_max = 6}};
  FakeUnpacker unpacker;
  Transfers transfers{*database, clock,  blobs,    trail,
                      uploads,   quotas, unpacker, {.part_bytes_max = 8, .slow_bytes_min = 8}};
  FakeUsage usage;
  Service service{*database, clock, blobs, trail, events, evidence, operations, uploads, {&usage}};
  FakeAnalyzer analyzer;
  AnalyzeHandler handler{*database, clock, blobs, events, analyzer};
  identity::OrgId org = make_org("acme");
  identity::OrgId other_org = make_org("globex");
  Context ada = person(org);
  Context bob = person(org);
  Context admin = person(org);
  Context stranger = person(other_org);
};

}  // namespace modelops::registry::fixture
