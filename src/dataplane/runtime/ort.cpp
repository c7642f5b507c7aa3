#include "dataplane/runtime/ort.hpp"

#include <dlfcn.h>

#include <cstdlib>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/text.hpp"

namespace modelops::runtime {
namespace {

// Our own declaration of the part of the C interface that we call. Functions are only ever appended to the engine's
// table, so an index is as stable as a name; README.md says how these were verified.
struct Status;
struct Env;
struct OrtSession;
struct Options;
struct Value;
struct MemoryInfo;
struct Allocator;
struct TypeInfo;
struct TensorShapeInfo;
struct RunOptions;

using LogFunction = void (*)(void* param, int severity, const char* category, const char* log_id,
                             const char* code_location, const char* message);

constexpr std::uint32_t api_version = 8;

struct ApiBase {
  const void* const* (*get_api)(std::uint32_t version);
  const char* (*get_version_string)();
};

constexpr int severity_warning = 2, severity_error = 3;
constexpr int code_invalid_argument = 2;
constexpr int type_tensor = 1;
constexpr int execution_parallel = 1;
constexpr int allocator_arena = 1;
constexpr int memory_default = 0;

struct Api {
  int (*get_error_code)(const Status*);
  const char* (*get_error_message)(const Status*);
  Status* (*create_env_with_custom_logger)(LogFunction, void* param, int severity, const char* log_id, Env**);
  Status* (*create_session)(const Env*, const char* path, const Options*, OrtSession**);
  Status* (*create_session_from_array)(const Env*, const void* bytes, std::size_t size, const Options*, OrtSession**);
  Status* (*run)(OrtSession*, const RunOptions*, const char* const* input_names, const Value* const* inputs,
                 std::size_t input_count, const char* const* output_names, std::size_t output_count, Value** outputs);
  Status* (*create_session_options)(Options**);
  Status* (*set_session_execution_mode)(Options*, int mode);
  Status* (*disable_cpu_mem_arena)(Options*);
  Status* (*set_session_graph_optimization_level)(Options*, int level);
  Status* (*set_intra_op_num_threads)(Options*, int count);
  Status* (*set_inter_op_num_threads)(Options*, int count);
  Status* (*session_get_input_count)(const OrtSession*, std::size_t*);
  Status* (*session_get_output_count)(const OrtSession*, std::size_t*);
  Status* (*session_get_input_type_info)(const OrtSession*, std::size_t index, TypeInfo**);
  Status* (*session_get_output_type_info)(const OrtSession*, std::size_t index, TypeInfo**);
  Status* (*session_get_input_name)(const OrtSession*, std::size_t index, Allocator*, char**);
  Status* (*session_get_output_name)(const OrtSession*, std::size_t index, Allocator*, char**);
  Status* (*create_tensor)(Allocator*, const std::int64_t* shape, std::size_t rank, int type, Value**);
  Status* (*create_tensor_with_data)(const MemoryInfo*, void* data, std::size_t size_bytes, const std::int64_t* shape,
                                     std::size_t rank, int type, Value**);
  Status* (*get_tensor_mutable_data)(Value*, void**);
  Status* (*fill_string_tensor)(Value*, const char* const* strings, std::size_t count);
  Status* (*get_string_tensor_data_length)(const Value*, std::size_t*);
  Status* (*get_string_tensor_content)(const Value*, void* into, std::size_t size, std::size_t* offsets,
                                       std::size_t offset_count);
  Status* (*cast_type_info_to_tensor_info)(const TypeInfo*, const TensorShapeInfo**);
  Status* (*get_onnx_type_from_type_info)(const TypeInfo*, int* type);
  Status* (*get_tensor_element_type)(const TensorShapeInfo*, int* type);
  Status* (*get_dimensions_count)(const TensorShapeInfo*, std::size_t*);
  Status* (*get_dimensions)(const TensorShapeInfo*, std::int64_t* dims, std::size_t count);
  Status* (*get_symbolic_dimensions)(const TensorShapeInfo*, const char** names, std::size_t count);
  Status* (*get_tensor_type_and_shape)(const Value*, TensorShapeInfo**);
  Status* (*create_cpu_memory_info)(int allocator, int memory, MemoryInfo**);
  Status* (*allocator_free)(Allocator*, void*);
  Status* (*get_allocator_with_default_options)(Allocator**);
  void (*release_env)(Env*);
  void (*release_status)(Status*);
  void (*release_memory_info)(MemoryInfo*);
  void (*release_session)(OrtSession*);
  void (*release_value)(Value*);
  void (*release_type_info)(TypeInfo*);
  void (*release_tensor_shape_info)(TensorShapeInfo*);
  void (*release_session_options)(Options*);
  Status* (*add_session_config_entry)(Options*, const char* key, const char* value);

  explicit Api(const void* const* table) {
    const auto take = [table]<class F>(F*& function, int index) {
      function = reinterpret_cast<F*>(const_cast<void*>(table[index]));
    };
    take(get_error_code, 1);
    take(get_error_message, 2);
    take(create_env_with_custom_logger, 4);
    take(create_session, 7);
    take(create_session_from_array, 8);
    take(run, 9);
    take(create_session_options, 10);
    take(set_session_execution_mode, 13);
    take(disable_cpu_mem_arena, 19);
    take(set_session_graph_optimization_level, 23);
    take(set_intra_op_num_threads, 24);
    take(set_inter_op_num_threads, 25);
    take(session_get_input_count, 30);
    take(session_get_output_count, 31);
    take(session_get_input_type_info, 33);
    take(session_get_output_type_info, 34);
    take(session_get_input_name, 36);
    take(session_get_output_name, 37);
    take(create_tensor, 48);
    take(create_tensor_with_data, 49);
    take(get_tensor_mutable_data, 51);
    take(fill_string_tensor, 52);
    take(get_string_tensor_data_length, 53);
    take(get_string_tensor_content, 54);
    take(cast_type_info_to_tensor_info, 55);
    take(get_onnx_type_from_type_info, 56);
    take(get_tensor_element_type, 60);
    take(get_dimensions_count, 61);
    take(get_dimensions, 62);
    take(get_symbolic_dimensions, 63);
    take(get_tensor_type_and_shape, 65);
    take(create_cpu_memory_info, 69);
    take(allocator_free, 76);
    take(get_allocator_with_default_options, 78);
    take(release_env, 92);
    take(release_status, 93);
    take(release_memory_info, 94);
    take(release_session, 95);
    take(release_value, 96);
    take(release_type_info, 98);
    take(release_tensor_shape_info, 99);
    take(release_session_options, 100);
    take(add_session_config_entry, 130);
  }
};

template <class T>
using Handle = std::unique_ptr<T, void (*)(T*)>;

struct ElementType {
  int ort;
  Datatype datatype;
};

constexpr ElementType element_types[] = {
    {1, Datatype::fp32},  {2, Datatype::uint8},   {3, Datatype::int8},    {4, Datatype::uint16}, {5, Datatype::int16},
    {6, Datatype::int32}, {7, Datatype::int64},   {8, Datatype::bytes},   {9, Datatype::bool_},  {10, Datatype::fp16},
    {11, Datatype::fp64}, {12, Datatype::uint32}, {13, Datatype::uint64},
};

int element_type_of(Datatype datatype) {
  for (const ElementType& type : element_types) {
    if (type.datatype == datatype) return type.ort;
  }
  return 0;
}

std::optional<Datatype> datatype_of(int element_type) {
  for (const ElementType& type : element_types) {
    if (type.ort == element_type) return type.datatype;
  }
  return std::nullopt;
}

/// The engine's words quote what stands in the model: bounded, and UTF-8 so that they fit into JSON.
std::string quotable(const char* words) {
  constexpr std::size_t length_max = 2000;
  std::string text(words, ::strnlen(words, length_max));
  if (!is_utf8(text)) {
    std::replace_if(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  }
  return text;
}

void write_log(void*, int severity, const char* category, const char*, const char* location, const char* message) {
  const Log log =
      Log().with("engine", "onnxruntime").with("at", quotable(location)).with("category", quotable(category));
  if (severity >= severity_error) {
    log.error(quotable(message));
  } else {
    log.warning(quotable(message));
  }
}

}  // namespace

// ---- the engine --------------------------------------------------------------------------------------------------

struct Ort::State {
  Api api;
  std::string version;
  Handle<Env> env{nullptr, nullptr};
  Handle<MemoryInfo> memory{nullptr, nullptr};
  Allocator* allocator = nullptr;  ///< the engine's own, never released

  /// Throws when `status` is an error; `refused` is the code for arguments that the engine does not accept.
  void check(Status* status, const std::string& what, ErrorCode refused, ErrorCode failed) const {
    if (!status) return;
    const Handle<Status> guard(status, api.release_status);
    const bool invalid = api.get_error_code(status) == code_invalid_argument;
    fail(invalid ? refused : failed, what + ": " + quotable(api.get_error_message(status)));
  }
  void check(Status* status) const { check(status, "The engine failed", ErrorCode::internal, ErrorCode::internal); }

  template <class T>
  Handle<T> own(T* raw, void (*release)(T*)) const {
    return Handle<T>(raw, release);
  }
};

Ort::Ort(const std::filesystem::path& library) {
  // Never unloaded: the library keeps threads and static objects of its own.
  void* handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  const std::string hint = " Give the path of libonnxruntime.so of ONNX Runtime 1.8 or newer with --library.";
  if (!handle) {
    const char* reason = ::dlerror();
    fail(ErrorCode::unprocessable, fmt::format("Cannot load the engine: {}.{}", quotable(reason ? reason : "?"), hint));
  }
  const auto get_base = reinterpret_cast<const ApiBase* (*)()>(::dlsym(handle, "OrtGetApiBase"));
  const ApiBase* base = get_base ? get_base() : nullptr;
  const void* const* table = base ? base->get_api(api_version) : nullptr;
  if (!table) fail(ErrorCode::unprocessable, library.string() + " is not a usable ONNX Runtime." + hint);

  state_ = std::make_unique<State>(State{.api = Api(table), .version = base->get_version_string()});
  const Api& api = state_->api;
  Env* env = nullptr;
  state_->check(api.create_env_with_custom_logger(write_log, nullptr, severity_warning, "modelops", &env));
  state_->env = state_->own(env, api.release_env);
  MemoryInfo* memory = nullptr;
  state_->check(api.create_cpu_memory_info(allocator_arena, memory_default, &memory));
  state_->memory = state_->own(memory, api.release_memory_info);
  state_->check(api.get_allocator_with_default_options(&state_->allocator));
}

Ort::~Ort() = default;

const std::string& Ort::version() const { return state_->version; }

std::filesystem::path find_library() {
  std::vector<std::filesystem::path> folders;
  if (const char* engines = std::getenv("MODELOPS_ENGINES")) {
    folders.emplace_back(std::filesystem::path(engines) / "onnxruntime");
  }
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache && *cache) {
    folders.emplace_back(std::filesystem::path(cache) / "modelops/engines/onnxruntime");
  } else if (const char* home = std::getenv("HOME")) {
    folders.emplace_back(std::filesystem::path(home) / ".cache/modelops/engines/onnxruntime");
  }
  for (const auto& folder : folders) {
    for (const char* place : {"lib", "current/lib"}) {
      auto library = folder / place / "libonnxruntime.so";
      std::error_code ignored;
      if (std::filesystem::exists(library, ignored)) return library;
    }
  }
  fail(ErrorCode::not_found,
       "libonnxruntime.so was not found. Run tools/setup, set MODELOPS_ENGINES, or give --library its path.");
}

// ---- one model ---------------------------------------------------------------------------------------------------

struct Session::State {
  explicit State(const Ort::State& engine) : ort(engine), api(engine.api) {}

  const Ort::State& ort;
  const Api& api;
  Handle<OrtSession> session{nullptr, nullptr};
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;

  Handle<Options> make_options(const SessionOptions& wanted) const {
    Options* raw = nullptr;
    ort.check(api.create_session_options(&raw));
    auto options = ort.own(raw, api.release_session_options);
    ort.check(api.set_intra_op_num_threads(raw, wanted.intra_threads));
    ort.check(api.set_inter_op_num_threads(raw, wanted.inter_threads));
    if (wanted.inter_threads > 1) ort.check(api.set_session_execution_mode(raw, execution_parallel));
    ort.check(api.set_session_graph_optimization_level(raw, static_cast<int>(wanted.graph_level)));
    if (!wanted.memory_arena) ort.check(api.disable_cpu_mem_arena(raw));
    // Waiting threads that spin would take the cores from the gateway and the other engines beside us.
    ort.check(api.add_session_config_entry(raw, "session.intra_op.allow_spinning", "0"));
    ort.check(api.add_session_config_entry(raw, "session.inter_op.allow_spinning", "0"));
    return options;
  }

  void adopt(OrtSession* raw, Status* status, const std::string& what) {
    ort.check(status, "ONNX Runtime cannot load " + what, ErrorCode::unprocessable, ErrorCode::unprocessable);
    session = ort.own(raw, api.release_session);
    inputs = ports("input", api.session_get_input_count, api.session_get_input_name, api.session_get_input_type_info);
    outputs =
        ports("output", api.session_get_output_count, api.session_get_output_name, api.session_get_output_type_info);
    if (outputs.empty()) fail(ErrorCode::unprocessable, "The model has no output that is a tensor.");
  }

  template <class Count, class Name, class Info>
  std::vector<TensorInfo> ports(std::string_view kind, Count get_count, Name get_name, Info get_info) const {
    std::size_t count = 0;
    ort.check(get_count(session.get(), &count));
    std::vector<TensorInfo> found;
    for (std::size_t i = 0; i < count; ++i) {
      char* text = nullptr;
      ort.check(get_name(session.get(), i, ort.allocator, &text));
      const std::string name = text;
      ort.check(api.allocator_free(ort.allocator, text));
      TypeInfo* raw = nullptr;
      ort.check(get_info(session.get(), i, &raw));
      const auto type = ort.own(raw, api.release_type_info);
      if (!is_utf8(name)) fail(ErrorCode::unprocessable, fmt::format("The name of {} {} is not UTF-8.", kind, i));
      if (auto info = tensor_info(type.get())) {
        info->name = name;
        found.push_back(std::move(*info));
      } else if (kind == "input") {
        fail(ErrorCode::unprocessable,
             fmt::format("Input \"{}\" is not a tensor of a datatype that the inference protocol has.", name));
      } else {
        Log().warning(
            "an output is not a tensor of a datatype that the inference protocol has, and is left out; "
            "scikit-learn models are converted without ZipMap for this",
            {{"output", name}});
      }
    }
    return found;
  }

  std::optional<TensorInfo> tensor_info(const TypeInfo* type) const {
    int kind = 0;
    ort.check(api.get_onnx_type_from_type_info(type, &kind));
    if (kind != type_tensor) return std::nullopt;
    const TensorShapeInfo* shape = nullptr;
    ort.check(api.cast_type_info_to_tensor_info(type, &shape));
    return tensor_info(shape);
  }

  std::optional<TensorInfo> tensor_info(const TensorShapeInfo* shape) const {
    int element_type = 0;
    ort.check(api.get_tensor_element_type(shape, &element_type));
    const auto datatype = datatype_of(element_type);
    if (!datatype) return std::nullopt;
    std::size_t rank = 0;
    ort.check(api.get_dimensions_count(shape, &rank));
    TensorInfo info{.datatype = *datatype, .shape = Shape(rank)};
    std::vector<const char*> names(rank);
    if (rank > 0) {
      ort.check(api.get_dimensions(shape, info.shape.data(), rank));
      ort.check(api.get_symbolic_dimensions(shape, names.data(), rank));
    }
    for (std::size_t i = 0; i < rank; ++i) {
      info.shape[i] = std::max<std::int64_t>(info.shape[i], -1);
      info.dim_names.push_back(names[i] ? quotable(names[i]) : std::string());
    }
    return info;
  }

  Handle<Value> to_value(const Tensor& tensor) const {
    Value* raw = nullptr;
    const int type = element_type_of(tensor.datatype);
    if (tensor.datatype == Datatype::bytes) {
      ort.check(api.create_tensor(ort.allocator, tensor.shape.data(), tensor.shape.size(), type, &raw));
      auto value = ort.own(raw, api.release_value);
      std::vector<const char*> strings;
      for (const std::string& text : tensor.strings) strings.push_back(text.c_str());
      ort.check(api.fill_string_tensor(raw, strings.data(), strings.size()));
      return value;
    }
    // The engine only reads inputs; the interface has one type for both directions. It refuses a null pointer even
    // for no elements.
    static char nothing = 0;
    void* data = tensor.data.empty() ? &nothing : const_cast<char*>(tensor.data.data());
    ort.check(api.create_tensor_with_data(ort.memory.get(), data, tensor.data.size(), tensor.shape.data(),
                                          tensor.shape.size(), type, &raw));
    return ort.own(raw, api.release_value);
  }

  Tensor to_tensor(const TensorInfo& declared, Value* value) const {
    TensorShapeInfo* raw = nullptr;
    ort.check(api.get_tensor_type_and_shape(value, &raw));
    const auto shape = ort.own(raw, api.release_tensor_shape_info);
    const auto info = tensor_info(raw);
    const auto count = info ? count_elements(info->shape) : std::nullopt;
    if (!count) fail(ErrorCode::internal, fmt::format("Output \"{}\" came back as no tensor.", declared.name));
    Tensor tensor{.name = declared.name, .datatype = info->datatype, .shape = info->shape};
    if (tensor.datatype == Datatype::bytes) {
      std::size_t size = 0;
      ort.check(api.get_string_tensor_data_length(value, &size));
      std::string all(size, '\0');
      std::vector<std::size_t> offsets(*count);
      if (*count > 0) {
        ort.check(api.get_string_tensor_content(value, all.data(), all.size(), offsets.data(), offsets.size()));
      }
      for (std::size_t i = 0; i < *count; ++i) {
        const std::size_t end = i + 1 < *count ? offsets[i + 1] : size;
        tensor.strings.push_back(all.substr(offsets[i], end - offsets[i]));
      }
      return tensor;
    }
    if (*count == 0) return tensor;
    void* data = nullptr;
    ort.check(api.get_tensor_mutable_data(value, &data));
    const char* bytes = static_cast<const char*>(data);
    tensor.data.assign(bytes, bytes + *count * element_size_bytes(tensor.datatype));
    return tensor;
  }
};

Session::Session(const Ort& ort, const std::filesystem::path& model, const SessionOptions& options)
    : state_(std::make_unique<State>(*ort.state_)) {
  const auto prepared = state_->make_options(options);
  OrtSession* raw = nullptr;
  Status* status = state_->api.create_session(ort.state_->env.get(), model.c_str(), prepared.get(), &raw);
  state_->adopt(raw, status, model.filename().string());
}

Session::Session(const Ort& ort, ModelBytes model, const SessionOptions& options)
    : state_(std::make_unique<State>(*ort.state_)) {
  const auto prepared = state_->make_options(options);
  OrtSession* raw = nullptr;
  Status* status = state_->api.create_session_from_array(ort.state_->env.get(), model.bytes.data(), model.bytes.size(),
                                                         prepared.get(), &raw);
  state_->adopt(raw, status, "the model");
}

Session::~Session() = default;

const std::vector<TensorInfo>& Session::inputs() const { return state_->inputs; }
const std::vector<TensorInfo>& Session::outputs() const { return state_->outputs; }

std::vector<Tensor> Session::run(std::span<const Tensor> inputs, std::span<const std::size_t> outputs) const {
  std::vector<const char*> input_names, output_names;
  std::vector<Handle<Value>> values;
  std::vector<const Value*> arguments;
  for (const Tensor& tensor : inputs) {
    input_names.push_back(tensor.name.c_str());
    values.push_back(state_->to_value(tensor));
    arguments.push_back(values.back().get());
  }
  for (const std::size_t index : outputs) output_names.push_back(state_->outputs[index].name.c_str());

  std::vector<Value*> raw(outputs.size(), nullptr);
  Status* status = state_->api.run(state_->session.get(), nullptr, input_names.data(), arguments.data(),
                                   arguments.size(), output_names.data(), output_names.size(), raw.data());
  std::vector<Handle<Value>> results;
  for (Value* value : raw) results.push_back(state_->ort.own(value, state_->api.release_value));
  state_->ort.check(status, "ONNX Runtime cannot run the model", ErrorCode::invalid, ErrorCode::internal);

  std::vector<Tensor> answer;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    answer.push_back(state_->to_tensor(state_->outputs[outputs[i]], results[i].get()));
  }
  return answer;
}

}  // namespace modelops::runtime
