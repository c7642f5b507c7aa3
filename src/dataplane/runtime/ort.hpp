#pragma once
// ONNX Runtime through its C interface, loaded when it is needed: nothing of it is compiled in or committed.
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/runtime/tensor.hpp"

namespace modelops::runtime {

enum class GraphLevel { none = 0, basic = 1, extended = 2, all = 99 };

struct SessionOptions {
  int intra_threads = 1;  ///< threads that one operator may use, the calling one included; 0: one per core
  int inter_threads = 1;  ///< operators of one run at the same time
  GraphLevel graph_level = GraphLevel::all;
  bool memory_arena = true;  ///< faster, keeps the most memory that any run needed
};

/// The engine: the library, its environment and its log, which goes to ours. Thread-safe. Outlives its sessions.
class Ort {
 public:
  /// Throws Error(unprocessable) when `library` is not ONNX Runtime 1.8 or newer.
  explicit Ort(const std::filesystem::path& library);
  ~Ort();
  Ort(const Ort&) = delete;
  Ort& operator=(const Ort&) = delete;

  const std::string& version() const;  ///< "1.27.0"

 private:
  friend class Session;
  struct State;
  std::unique_ptr<State> state_;
};

/// libonnxruntime.so of the environment: in $MODELOPS_ENGINES/onnxruntime, else where set-up keeps it
/// (${XDG_CACHE_HOME:-~/.cache}/modelops/engines/onnxruntime). Throws Error(not_found) that says what to do.
std::filesystem::path find_library();

/// A model that lies in memory, which the session copies.
struct ModelBytes {
  std::string_view bytes;
};

/// A loaded model. `run` may be called by several threads at once.
class Session {
 public:
  /// Throws Error(unprocessable) with the engine's own words when it cannot load the model, or when an input is not a
  /// tensor of a datatype of the protocol. Outputs that are not are left out, with a warning in the log.
  Session(const Ort& ort, const std::filesystem::path& model, const SessionOptions& options);
  Session(const Ort& ort, ModelBytes model, const SessionOptions& options);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const std::vector<TensorInfo>& inputs() const;
  const std::vector<TensorInfo>& outputs() const;

  /// `inputs` by name, in any order; `outputs` are indices into outputs(). Throws Error(invalid) when the engine
  /// refuses the inputs, Error(internal) when it fails for another reason, with its own words.
  std::vector<Tensor> run(std::span<const Tensor> inputs, std::span<const std::size_t> outputs) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace modelops::runtime
