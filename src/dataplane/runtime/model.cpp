#include "dataplane/runtime/model.hpp"

#include <fmt/ranges.h>

#include <cmath>
#include <set>

#include "base/log.hpp"
#include "base/text.hpp"

namespace modelops::runtime {
namespace {

bool is_name(std::string_view text) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return !text.empty() && text.size() <= 128 && text[0] != '.' && std::all_of(text.begin(), text.end(), is_plain);
}

std::filesystem::path model_file(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) {
    if (!std::filesystem::is_regular_file(path, error)) {
      fail(ErrorCode::unprocessable, "There is no model file at " + path.string() + ".");
    }
    return path;
  }
  if (std::filesystem::is_regular_file(path / "model.onnx", error)) return path / "model.onnx";
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (entry.path().extension() == ".onnx") found.push_back(entry.path());
  }
  if (found.size() != 1) {
    fail(ErrorCode::unprocessable,
         fmt::format("{} has {} .onnx files: name one model.onnx.", path.string(), found.size()));
  }
  return found.front();
}

std::string names_of(const std::vector<TensorInfo>& tensors) {
  std::vector<std::string> texts;
  for (const TensorInfo& info : tensors) {
    texts.push_back(fmt::format("\"{}\" {} {}", info.name, datatype_name(info.datatype), shape_text(info)));
  }
  return fmt::format("{}", fmt::join(texts, ", "));
}

void check_tensor(const TensorInfo& info, const Tensor& tensor) {
  if (tensor.datatype != info.datatype) {
    fail(ErrorCode::invalid, fmt::format("Input \"{}\": the datatype is {}, the model takes {}.", info.name,
                                         datatype_name(tensor.datatype), datatype_name(info.datatype)));
  }
  // The engine shows a tensor of unknown rank as one without dimensions.
  if (info.shape.empty()) return;
  const auto fits = [](std::int64_t declared, std::int64_t given) { return declared < 0 || declared == given; };
  if (!std::equal(info.shape.begin(), info.shape.end(), tensor.shape.begin(), tensor.shape.end(), fits)) {
    fail(ErrorCode::invalid, fmt::format("Input \"{}\": the shape {} does not fit the model's {}.", info.name,
                                         to_text(tensor.shape), shape_text(info)));
  }
}

bool has_rows(const TensorInfo& info) { return !info.shape.empty() && info.shape[0] < 0; }

/// Small harmless values that differ from row to row and with `seed`; 1 for every free dimension.
Tensor synthetic(const TensorInfo& info, unsigned seed) {
  constexpr std::size_t elements_max = 1 << 26;
  Tensor tensor{.name = info.name, .datatype = info.datatype, .shape = info.shape, .data = {}, .strings = {}};
  for (std::int64_t& dim : tensor.shape) dim = dim < 0 ? 1 : dim;
  const auto count = count_elements(tensor.shape);
  if (!count || *count > elements_max) fail(ErrorCode::unprocessable, "an input is too large to make one up");
  if (info.datatype == Datatype::bytes) tensor.strings.assign(*count, seed % 2 ? "a" : "b");
  with_element_type(info.datatype, [&]<class T>(T) {
    tensor.data.resize(*count * sizeof(T));
    for (std::size_t i = 0; i < *count; ++i) {
      seed = seed * 1664525 + 1013904223;
      const double value = std::numeric_limits<T>::is_integer ? (seed >> 16) % 2 : ((seed >> 16) % 1000) / 1000.0;
      const T element = static_cast<T>(value);
      std::memcpy(tensor.data.data() + i * sizeof(T), &element, sizeof(T));
    }
  });
  return tensor;
}

/// Equal but for rounding: sums may be taken in another order in a larger batch.
bool nearly_equal(const Tensor& a, const Tensor& b) {
  if (a.datatype != b.datatype || a.shape != b.shape || a.strings != b.strings) return false;
  bool equal = true;
  with_element_type(a.datatype, [&]<class T>(T x) {
    for (std::size_t i = 0; i < a.data.size(); i += sizeof(T)) {
      T y{};
      std::memcpy(&x, a.data.data() + i, sizeof(T));
      std::memcpy(&y, b.data.data() + i, sizeof(T));
      const auto u = static_cast<double>(x), v = static_cast<double>(y);
      equal &= u == v || (std::isnan(u) && std::isnan(v)) || std::abs(u - v) <= 1e-4 + 1e-3 * std::abs(u);
    }
  });
  return equal;
}

std::vector<std::size_t> all_indices(std::size_t count) {
  std::vector<std::size_t> indices(count);
  for (std::size_t i = 0; i < count; ++i) indices[i] = i;
  return indices;
}

std::vector<Tensor> synthetic_inputs(const Session& session, unsigned seed) {
  std::vector<Tensor> inputs;
  for (const TensorInfo& info : session.inputs()) inputs.push_back(synthetic(info, seed++));
  return inputs;
}

}  // namespace

ModelSource parse_model_source(std::string_view text) {
  const std::size_t equals = text.find('=');
  ModelSource source;
  if (equals != text.npos) {
    source.name = text.substr(0, equals);
    text.remove_prefix(equals + 1);
    if (const std::size_t colon = text.rfind(':'); colon != text.npos) {
      if (const auto version = parse_int(text.substr(colon + 1))) {
        source.version = *version;
        text = text.substr(0, colon);
      }
    }
    source.path = text;
  }
  if (!is_name(source.name) || text.empty() || source.version < 1) {
    fail(ErrorCode::invalid,
         "A model is given as name=path or name=path:version, with a name of letters, digits, "
         "'.', '_' and '-', and a version from 1 up.");
  }
  return source;
}

std::vector<ModelSource> scan_models(const std::filesystem::path& folder) {
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) {
    fail(ErrorCode::not_found, "There is no folder " + folder.string() + " to take models from.");
  }
  std::vector<ModelSource> sources;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.is_regular_file() && entry.path().extension() == ".onnx" && is_name(entry.path().stem().string())) {
      sources.push_back({entry.path().stem().string(), 1, entry.path()});
    } else if (entry.is_directory() && is_name(entry.path().filename().string())) {
      for (const auto& child : std::filesystem::directory_iterator(entry.path())) {
        const auto version = parse_int(child.path().filename().string());
        if (version && *version >= 1 && child.is_directory()) {
          sources.push_back({entry.path().filename().string(), *version, child.path()});
        }
      }
    }
  }
  std::sort(sources.begin(), sources.end(), [](const ModelSource& a, const ModelSource& b) {
    return std::tie(a.name, a.version) < std::tie(b.name, b.version);
  });
  return sources;
}

// ---- one model ---------------------------------------------------------------------------------------------------

Model::Model(const Ort& ort, const ModelSource& source, const ModelOptions& options, metrics::Registry& registry)
    : name_(source.name),
      version_(std::to_string(source.version)),
      session_(ort, model_file(source.path), options.session) {
  const auto outputs_wanted = all_indices(session_.outputs().size());
  try {
    session_.run(synthetic_inputs(session_, 1), outputs_wanted);
  } catch (const Error& error) {
    // Made-up values need not make sense to every model.
    Log().warning("the warm-up run failed", {{"model", name_}, {"reason", error.message}});
  }
  merges_rows_ = options.batch.batch_max > 1 && can_merge_rows();
  BatchOptions batch = options.batch;
  if (!merges_rows_) batch.batch_max = 1;
  batcher_ =
      std::make_unique<Batcher>([this](std::span<const Tensor> given,
                                       std::span<const std::size_t> wanted) { return session_.run(given, wanted); },
                                batch, BatchMetrics(registry, {{"model", name_}, {"version", version_}}));
}

/// Dimension 0 of every input and output must be free, and a row's result must not depend on its neighbours.
bool Model::can_merge_rows() const {
  const char* reason = "dimension 0 of an input or output is fixed";
  if (!inputs().empty() && std::all_of(inputs().begin(), inputs().end(), has_rows) &&
      std::all_of(outputs().begin(), outputs().end(), has_rows)) {
    try {
      if (rows_are_independent()) return true;
      reason = "a row's result depends on the rows beside it";
    } catch (const Error&) {
      reason = "the trial with made-up rows failed";
    }
  }
  Log().warning("requests to this model are not merged", {{"model", name_}, {"reason", reason}});
  return false;
}

bool Model::rows_are_independent() const {
  const auto wanted = all_indices(outputs().size());
  const std::vector<Tensor> a = synthetic_inputs(session_, 1), b = synthetic_inputs(session_, 1000);
  std::vector<Tensor> both;
  for (std::size_t i = 0; i < a.size(); ++i) both.push_back(concatenate(std::array{&a[i], &b[i]}));
  const auto result_a = session_.run(a, wanted), result_b = session_.run(b, wanted),
             result = session_.run(both, wanted);
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (result[i].shape.empty() || result[i].shape[0] != 2) return false;
    if (!nearly_equal(result_a[i], rows_of(result[i], 0, 1)) || !nearly_equal(result_b[i], rows_of(result[i], 1, 1))) {
      return false;
    }
  }
  return true;
}

Model::Prepared Model::prepare(InferRequest request) const {
  Prepared prepared;
  std::vector<Tensor>& given = request.inputs;
  for (const TensorInfo& info : inputs()) {
    const auto is_it = [&](const Tensor& tensor) { return tensor.name == info.name; };
    const auto found = std::find_if(given.begin(), given.end(), is_it);
    if (found == given.end()) {
      fail(ErrorCode::invalid,
           fmt::format("Input \"{}\" is missing; the model takes {}.", info.name, names_of(inputs())));
    }
    check_tensor(info, *found);
    prepared.job.inputs.push_back(std::move(*found));
    given.erase(found);
  }
  if (!given.empty()) {
    const bool twice = std::any_of(inputs().begin(), inputs().end(),
                                   [&](const TensorInfo& info) { return info.name == given.front().name; });
    fail(ErrorCode::invalid, fmt::format("Input \"{}\" is {}; the model takes {}.", given.front().name,
                                         twice ? "given twice" : "unknown", names_of(inputs())));
  }
  if (merges_rows_) {
    const std::int64_t rows = prepared.job.inputs.front().shape[0];
    const bool same = std::all_of(prepared.job.inputs.begin(), prepared.job.inputs.end(),
                                  [&](const Tensor& tensor) { return tensor.shape[0] == rows; });
    if (same && rows > 0) prepared.job.rows = rows;
  }

  std::map<std::size_t, bool> wanted;
  for (const RequestedOutput& output : request.outputs) {
    const auto found = std::find_if(outputs().begin(), outputs().end(),
                                    [&](const TensorInfo& info) { return info.name == output.name; });
    if (found == outputs().end()) {
      fail(ErrorCode::invalid,
           fmt::format("Output \"{}\" is unknown; the model gives {}.", output.name, names_of(outputs())));
    }
    wanted[static_cast<std::size_t>(found - outputs().begin())] = output.binary.value_or(request.binary_outputs);
  }
  if (request.outputs.empty()) {
    for (std::size_t i = 0; i < outputs().size(); ++i) wanted[i] = request.binary_outputs;
  }
  for (const auto& [index, binary] : wanted) {
    prepared.job.outputs.push_back(index);
    prepared.binary.push_back(binary);
  }
  return prepared;
}

// ---- all models --------------------------------------------------------------------------------------------------

Repository::Repository(const Ort& ort, ModelOptions options, std::vector<ModelSource> declared,
                       std::optional<std::filesystem::path> folder, metrics::Registry& registry)
    : ort_(ort), options_(options), folder_(std::move(folder)), registry_(registry) {
  if (folder_) {
    for (ModelSource& source : scan_models(*folder_)) declared.push_back(std::move(source));
  }
  for (ModelSource& source : declared) {
    const auto [entry, added] =
        models_[source.name].try_emplace(source.version, Entry{.source = source, .reason = {}, .model = {}});
    if (!added) {
      fail(ErrorCode::conflict, fmt::format("Version {} of model \"{}\" is given twice.", source.version, source.name));
    }
  }
}

void Repository::load_entry(const ModelSource& source) {
  std::shared_ptr<Model> model;
  std::exception_ptr failure;
  std::string reason;
  try {
    model = std::make_shared<Model>(ort_, source, options_, registry_);
    Log().info("model loaded", {{"model", source.name}, {"version", model->version()}});
  } catch (const Error& error) {
    failure = std::current_exception();
    reason = error.message;
    Log().error("model not loaded",
                {{"model", source.name}, {"version", std::to_string(source.version)}, {"reason", reason}});
  }
  {
    std::lock_guard lock(mutex_);
    Entry& entry = models_[source.name][source.version];
    entry.source = source;
    if (model || !entry.model) entry.state = model ? ModelState::ready : ModelState::failed;
    entry.reason = reason;
    if (model) entry.model.swap(model);
  }
  // An older model, if any, ends here, outside the lock: it waits for its queue.
  model.reset();
  if (failure) std::rethrow_exception(failure);
}

void Repository::load_all() {
  std::lock_guard one_at_a_time(load_mutex_);
  std::vector<ModelSource> sources;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [name, versions] : models_) {
      for (const auto& [version, entry] : versions) {
        if (entry.state == ModelState::loading) sources.push_back(entry.source);
      }
    }
  }
  load_entries(sources);
}

void Repository::load_entries(const std::vector<ModelSource>& sources) {
  std::exception_ptr first;
  for (const ModelSource& source : sources) {
    try {
      load_entry(source);
    } catch (const Error&) {
      if (!first) first = std::current_exception();
    }
  }
  if (first) std::rethrow_exception(first);
}

void Repository::load(const std::string& name) {
  std::lock_guard one_at_a_time(load_mutex_);
  std::vector<ModelSource> sources;
  if (folder_) {
    for (ModelSource& source : scan_models(*folder_)) {
      if (source.name == name) sources.push_back(std::move(source));
    }
  }
  {
    std::lock_guard lock(mutex_);
    if (sources.empty() || models_.contains(name)) {
      for (auto& [version, entry] : find(name)) {
        if (!entry.model) entry.state = ModelState::loading;
        const bool scanned = std::any_of(sources.begin(), sources.end(), [&](const ModelSource& source) {
          return source.version == entry.source.version;
        });
        if (!scanned) sources.push_back(entry.source);
      }
    }
  }
  load_entries(sources);
}

void Repository::unload(const std::string& name) {
  std::lock_guard one_at_a_time(load_mutex_);
  std::vector<std::shared_ptr<Model>> ended;
  {
    std::lock_guard lock(mutex_);
    for (auto& [version, entry] : find(name)) {
      ended.push_back(std::move(entry.model));
      entry.model = nullptr;
      entry.state = ModelState::unloaded;
      entry.reason = "unloaded on request";
    }
  }
}

Repository::Versions& Repository::find(const std::string& name) {
  return const_cast<Versions&>(std::as_const(*this).find(name));
}

const Repository::Versions& Repository::find(const std::string& name) const {
  const auto found = models_.find(name);
  if (found == models_.end()) {
    std::vector<std::string_view> known;
    for (const auto& [other, versions] : models_) known.push_back(other);
    fail(ErrorCode::not_found,
         fmt::format("There is no model \"{}\"; this server has: {}.", name, fmt::join(known, ", ")));
  }
  return found->second;
}

std::shared_ptr<Model> Repository::get(const std::string& name, std::optional<std::int64_t> version) const {
  std::lock_guard lock(mutex_);
  const Versions& versions = find(name);
  const auto found = version ? versions.find(*version) : std::prev(versions.end());
  if (found == versions.end()) {
    std::vector<std::int64_t> known;
    for (const auto& [other, entry] : versions) known.push_back(other);
    fail(ErrorCode::not_found,
         fmt::format("Model \"{}\" has no version {}; it has: {}.", name, *version, fmt::join(known, ", ")));
  }
  const Entry& entry = found->second;
  if (entry.model) return entry.model;
  switch (entry.state) {
    case ModelState::unloaded:
      fail(ErrorCode::not_found,
           fmt::format("Model \"{}\" is unloaded: POST /v2/repository/models/{}/load first.", name, name));
    case ModelState::failed:
      fail(ErrorCode::unavailable, fmt::format("Model \"{}\" could not be loaded: {}", name, entry.reason));
    default: break;
  }
  Error loading(ErrorCode::unavailable, fmt::format("Model \"{}\" is still loading. Try again later.", name));
  loading.retry_after_seconds = 1;
  throw loading;
}

std::vector<ModelStatus> Repository::list() const {
  std::lock_guard lock(mutex_);
  std::vector<ModelStatus> all;
  for (const auto& [name, versions] : models_) {
    for (const auto& [version, entry] : versions) all.push_back({name, version, entry.state, entry.reason});
  }
  return all;
}

bool Repository::is_brief(const std::string& name, std::optional<std::int64_t> version) const noexcept {
  std::lock_guard lock(mutex_);
  const auto versions = models_.find(name);
  if (versions == models_.end() || versions->second.empty()) return false;
  const auto found = version ? versions->second.find(*version) : std::prev(versions->second.end());
  return found != versions->second.end() && found->second.model && found->second.model->is_brief();
}

bool Repository::all_ready() const {
  const auto all = list();
  return std::all_of(all.begin(), all.end(), [](const ModelStatus& model) {
    return model.state == ModelState::ready || model.state == ModelState::unloaded;
  });
}

}  // namespace modelops::runtime
