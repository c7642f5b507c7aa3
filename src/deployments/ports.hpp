#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/db/database.hpp"
#include "targets/ports.hpp"

namespace modelops::deployments {

/// A model version as a deployment pins it.
struct ResolvedVersion {
  std::string org_id;  ///< whose it is: another organisation's when its model is public
  std::string model_id;
  std::string model_name;
  std::string version_id;
  std::int64_t number = 0;
  std::string digest;
  std::vector<targets::ArtifactFile> files;
  std::string interface;           ///< chat, completion, embedding or custom
  std::string recommended_engine;  ///< may be empty
  std::string approval_state;
  std::vector<std::string> aliases;
};

/// Versions of models: answered by `registry`.
class ModelVersions {
 public:
  virtual ~ModelVersions() = default;
  /// By "model@alias", "model:v3" or a version's id, as far as the actor may see it.
  virtual std::optional<ResolvedVersion> find(db::Tx& tx, const Context& ctx, const std::string& reference) = 0;
};

/// A change of what should run, about to be accepted.
struct Plan {
  enum class Kind { create, update, scale, restart, roll_back, start, stop, delete_ };
  Kind kind = Kind::create;
  std::string deployment_id;
  std::string name;
  std::string environment_id;
  std::string target_id;
  std::int64_t revision = 0;
  std::string revision_digest;
  std::string version_id;
  std::string version_digest;
  std::int64_t replicas = 0;
};
MODELOPS_DESCRIBE_ENUM(Plan::Kind, create, update, scale, restart, roll_back, start, stop, delete_)

/// Whether a plan may be carried out: answered by `governance`.
class Admission {
 public:
  virtual ~Admission() = default;
  /// In the transaction that accepts the plan. Throws Error(conflict) that says what is missing.
  virtual void admit(db::Tx& tx, const Context& ctx, const Plan& plan) = 0;
};

class AdmitAll final : public Admission {
 public:
  void admit(db::Tx&, const Context&, const Plan&) override {}
};

}  // namespace modelops::deployments
