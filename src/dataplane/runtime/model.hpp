#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "dataplane/runtime/batcher.hpp"
#include "dataplane/runtime/ort.hpp"
#include "dataplane/runtime/protocol.hpp"

namespace modelops::runtime {

struct ModelSource {
  std::string name;
  std::int64_t version = 1;
  std::filesystem::path path;  ///< an .onnx file, or a folder with model.onnx or exactly one .onnx file
};

/// "name=path" or "name=path:3". Throws Error(invalid).
ModelSource parse_model_source(std::string_view text);
/// `<name>.onnx` and `<name>/<version>/` in `folder`, by name and version. Throws Error(not_found).
std::vector<ModelSource> scan_models(const std::filesystem::path& folder);

struct ModelOptions {
  SessionOptions session;
  BatchOptions batch;
};

/// A loaded model behind its queue. Thread-safe. Its end waits for what is queued.
class Model {
 public:
  /// Loads, checks whether rows may be merged, and warms up. Throws Error(unprocessable) with the engine's words.
  Model(const Ort& ort, const ModelSource& source, const ModelOptions& options, metrics::Registry& registry);

  const std::string& name() const { return name_; }
  const std::string& version() const { return version_; }
  const std::vector<TensorInfo>& inputs() const { return session_.inputs(); }
  const std::vector<TensorInfo>& outputs() const { return session_.outputs(); }
  /// True when rows of several requests are computed in one run.
  bool merges_rows() const { return merges_rows_; }

  struct Prepared {
    Job job;                   ///< without `done`, deadline and cancellation
    std::vector<bool> binary;  ///< for each of job.outputs
  };
  /// Throws Error(invalid) that names the tensor and what was expected.
  Prepared prepare(InferRequest request) const;
  bool is_brief() const { return batcher_->is_brief(); }
  void submit(Job job, bool may_block) { batcher_->submit(std::move(job), may_block); }

 private:
  bool can_merge_rows() const;
  bool rows_are_independent() const;

  const std::string name_;
  const std::string version_;
  const Session session_;
  bool merges_rows_ = false;
  std::unique_ptr<Batcher> batcher_;
};

enum class ModelState { loading, ready, failed, unloaded };

struct ModelStatus {
  std::string name;
  std::int64_t version = 0;
  ModelState state = ModelState::loading;
  std::string reason;  ///< of failed and unloaded
};

/// The models of a server. Only those declared at start, or found in `folder`, can be loaded. Thread-safe.
class Repository {
 public:
  /// `ort` and `registry` outlive it. Throws Error(conflict) when a model is declared twice.
  Repository(const Ort& ort, ModelOptions options, std::vector<ModelSource> declared,
             std::optional<std::filesystem::path> folder, metrics::Registry& registry);

  /// Loads what is not loaded yet. Here and below the first error is thrown after all were tried.
  void load_all();
  /// Loads all versions of `name` anew; requests go on with the old ones until then, and for good if it fails.
  void load(const std::string& name);
  /// New requests are refused; those accepted are finished before it returns.
  void unload(const std::string& name);

  /// Of the highest version when none is given. Throws Error(not_found), or Error(unavailable) when it is not ready.
  std::shared_ptr<Model> get(const std::string& name, std::optional<std::int64_t> version) const;
  std::vector<ModelStatus> list() const;
  bool all_ready() const;  ///< but for the unloaded
  /// Whether the model is there and its runs are short.
  bool is_brief(const std::string& name, std::optional<std::int64_t> version) const noexcept;

 private:
  struct Entry {
    ModelSource source;
    ModelState state = ModelState::loading;
    std::string reason;
    std::shared_ptr<Model> model;
  };
  using Versions = std::map<std::int64_t, Entry>;

  Versions& find(const std::string& name);
  const Versions& find(const std::string& name) const;
  void load_entry(const ModelSource& source);
  void load_entries(const std::vector<ModelSource>& sources);

  const Ort& ort_;
  const ModelOptions options_;
  const std::optional<std::filesystem::path> folder_;
  metrics::Registry& registry_;
  std::mutex load_mutex_;  ///< one load at a time: it takes memory and all cores
  mutable std::mutex mutex_;
  std::map<std::string, Versions> models_;
};

}  // namespace modelops::runtime
