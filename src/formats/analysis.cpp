#include "formats/analysis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/text.hpp"
#include "formats/inspection.hpp"

namespace modelops::formats {
namespace {

constexpr std::size_t warnings_max = 200;
constexpr std::int64_t megabyte = 1'000'000;

std::optional<std::int64_t> signed_count(std::optional<std::uint64_t> value) {
  if (!value || *value > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

class Decision {
 public:
  explicit Decision(Inspection seen) : seen_(std::move(seen)), out_(seen_.stated) {}

  Analysis run() {
    decide();
    if (out_.framework == Framework::unknown && out_.format == FileFormat::unknown) {
      if (seen_.first_malformed) throw *seen_.first_malformed;
      seen_.warn(Severity::warning, "unknown_format", "No model format was recognised in these files.");
    }
    limit_warnings();
    return std::move(out_);
  }

 private:
  /// The worst first, so that a flood of small ones cannot hide a danger.
  void limit_warnings() {
    auto& warnings = out_.warnings;
    std::vector<AnalysisWarning> sorted;
    for (const auto severity : {Severity::danger, Severity::warning, Severity::info})
      std::copy_if(warnings.begin(), warnings.end(), std::back_inserter(sorted),
                   [&](const auto& warning) { return warning.severity == severity; });
    warnings = std::move(sorted);
    if (warnings.size() <= warnings_max) return;
    const std::size_t more = warnings.size() - warnings_max + 1;
    const Severity worst = warnings[warnings_max - 1].severity;
    warnings.resize(warnings_max - 1);
    seen_.warn(worst, "more_warnings", fmt::format("{} more warnings are not shown.", more));
  }

  void decide() {
    const bool has_weights = !seen_.safetensors.empty() || pickled_weights();
    if (seen_.config && has_weights && (seen_.config->model_type || !seen_.config->architectures.empty()))
      decide_transformers();
    else if (!seen_.gguf.empty())
      decide_gguf();
    else if (!seen_.onnx.empty())
      decide_onnx();
    else if (!seen_.safetensors.empty())
      decide_safetensors();
    else if (seen_.config && seen_.config->model_type)
      decide_transformers();
    else
      decide_others();
    custom_code();
    if (seen_.card_license) out_.license = seen_.card_license;
    if (!out_.license) seen_.warn(Severity::info, "no_license", "No licence is stated; enter it if you know it.");
    out_.size_class = size_class_of(out_.parameter_count, out_.size_bytes);
    out_.storage_strategy = storage_strategy_of(out_.size_bytes);
  }

  bool pickled_weights() const {
    return std::any_of(seen_.others.begin(), seen_.others.end(), [](const auto& o) {
      return o.model == FileFormat::pytorch_zip || o.model == FileFormat::pickle;
    });
  }

  void use_histogram(const std::vector<DtypeCount>& counts) {
    const DtypeCount* most = nullptr;
    for (const auto& count : counts) {
      out_.dtypes.push_back(
          {count.dtype, static_cast<std::int64_t>(count.tensors), static_cast<std::int64_t>(count.elements)});
      if (!most || count.elements > most->elements) most = &count;
    }
    if (most) out_.dtype = to_lower_ascii(most->dtype);
    if (!counts.empty()) out_.parameter_count = static_cast<std::int64_t>(total_elements(counts));
  }

  void decide_gguf() {
    out_.framework = Framework::gguf;
    out_.format = FileFormat::gguf;
    std::sort(seen_.gguf.begin(), seen_.gguf.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    const Found<GgufModel>* main = nullptr;
    std::size_t candidates = 0;
    for (const auto& file : seen_.gguf) {
      const bool companion =
          file.model.type == "mmproj" || file.model.architecture == "clip" || file.model.type == "adapter";
      if (companion) continue;
      const bool split = file.model.split_count.value_or(0) > 1;
      if (!split) ++candidates;
      if (!main || (!split && file.size_bytes > main->size_bytes && main->model.split_count.value_or(0) <= 1))
        main = &file;
    }
    if (!main) main = &seen_.gguf.front();
    const auto& model = main->model;
    out_.primary_file = main->path;
    if (candidates > 1)
      seen_.warn(Severity::info, "several_models", fmt::format("{} GGUF files; the largest is described.", candidates),
                 main->path);

    std::vector<DtypeCount> counts = model.dtypes;
    std::size_t tensors = model.tensors.size();
    if (const auto parts = model.split_count.value_or(0); parts > 1) {
      std::uint64_t present = 0;
      for (const auto& file : seen_.gguf) {
        if (file.model.split_count != parts) continue;
        ++present;
        if (&file == main) continue;
        tensors += file.model.tensors.size();
        merge(counts, file.model.dtypes);
      }
      if (present != parts)
        seen_.warn(Severity::danger, "missing_part",
                   fmt::format("The model is split over {} files, {} are here.", parts, present));
    }
    use_histogram(counts);
    out_.tensor_count = static_cast<std::int64_t>(tensors);
    out_.name = model.name;
    out_.architecture = out_.model_type = model.architecture;
    out_.quantization = model.quantization;
    out_.context_length = signed_count(model.context_length);
    out_.license = model.license;
    out_.chat_template = out_.chat_template || model.has_chat_template;
    if (model.has_chat_template)
      seen_.warn(Severity::info, "chat_template",
                 "The file brings a chat template, which the engine runs as a Jinja program.", main->path);
    const auto architecture = model.architecture.value_or("");
    const bool embedding = model.pooling_type.value_or(0) != 0 || architecture.find("bert") != std::string::npos;
    out_.interface = embedding                ? ModelInterface::embedding
                     : model.type == "mmproj" ? ModelInterface::custom
                     : out_.chat_template     ? ModelInterface::chat
                                              : ModelInterface::completion;
    out_.recommended_engine = "llama_cpp";
    seen_.depend("llama.cpp");
    if (!model.architecture)
      seen_.warn(Severity::warning, "no_architecture",
                 "The file has no general.architecture; engines refuse such a file.", main->path);
  }

  void merge(std::vector<DtypeCount>& into, const std::vector<DtypeCount>& from) {
    for (const auto& count : from) {
      auto entry = std::find_if(into.begin(), into.end(), [&](const auto& e) { return e.dtype == count.dtype; });
      if (entry == into.end()) entry = into.insert(into.end(), {count.dtype, 0, 0});
      constexpr std::uint64_t elements_max = std::numeric_limits<std::int64_t>::max();
      if (count.elements > elements_max - total_elements(into))
        fail(ErrorCode::unprocessable, "The parameters of these files overflow.");
      entry->tensors += count.tensors;
      entry->elements += count.elements;
    }
  }

  void decide_onnx() {
    out_.framework = Framework::onnx;
    out_.format = FileFormat::onnx;
    const Found<OnnxModel>* main = &seen_.onnx.front();
    for (const auto& file : seen_.onnx) {
      const bool preferred = base_name(file.path) == "model.onnx", is_preferred = base_name(main->path) == "model.onnx";
      if (preferred != is_preferred ? preferred : file.size_bytes > main->size_bytes) main = &file;
    }
    if (seen_.onnx.size() > 1)
      seen_.warn(Severity::info, "several_models", fmt::format("{} ONNX files; one is described.", seen_.onnx.size()),
                 main->path);
    const auto& model = main->model;
    out_.primary_file = main->path;
    out_.producer = model.producer.empty() ? std::nullopt : std::optional(model.producer);
    if (!model.graph_name.empty()) out_.name = model.graph_name;
    for (const auto& [key, value] : model.metadata) {
      if (key == "license" || key == "licence") out_.license = display_text(value);
      if (key == "name") out_.name = display_text(value);
    }
    if (seen_.config) {
      out_.model_type = seen_.config->model_type;
      if (!seen_.config->architectures.empty()) out_.architecture = seen_.config->architectures.front();
      out_.context_length = seen_.config->context_length;
    }
    use_histogram(model.dtypes);
    out_.tensor_count = static_cast<std::int64_t>(model.tensor_count);
    const auto convert = [](const std::vector<OnnxPort>& ports, std::vector<TensorPort>& to) {
      for (const auto& port : ports) to.push_back({port.name, port.dtype, port.shape, port.dim_names});
    };
    convert(model.inputs, out_.inputs);
    convert(model.outputs, out_.outputs);
    if (seen_.sentence_transformer || out_.task == "feature-extraction" || out_.task == "sentence-similarity")
      out_.interface = ModelInterface::embedding;
    out_.recommended_engine = "onnxruntime";
    out_.alternative_engines = {"triton"};
    seen_.depend("onnxruntime");
    for (const auto& file : seen_.onnx) external_data(file);
    if (!model.custom_operators.empty()) {
      seen_.warn(Severity::warning, "custom_operators",
                 "It needs operators that are not part of ONNX Runtime: " + joined(model.custom_operators) + ".",
                 main->path);
      seen_.depend("a library with the operators " + joined(model.custom_operators));
    }
  }

  void external_data(const Found<OnnxModel>& file) {
    std::set<std::string> reported;
    for (const auto& external : file.model.external_data) {
      const std::string path = std::string(folder_of(file.path)) + external.location;
      const auto size = seen_.sizes.find(path);
      if (size != seen_.sizes.end() && external.offset <= size->second &&
          external.length.value_or(0) <= size->second - external.offset)
        continue;
      if (!reported.insert(external.location).second) continue;
      seen_.warn(Severity::danger, size == seen_.sizes.end() ? "missing_part" : "truncated_part",
                 fmt::format("The weights of '{}' are in '{}', which is {}.", external.tensor,
                             display_text(external.location), size == seen_.sizes.end() ? "not there" : "too short"),
                 file.path);
    }
  }

  /// The weight files that make up the model: those of the index, else model.safetensors, else all.
  std::vector<const Found<SafetensorsModel>*> weight_files() {
    std::set<std::string> wanted;
    for (const auto& index : seen_.indexes)
      if (folder_of(index.path) == seen_.root)
        for (const auto& file : index.model.files) wanted.insert(seen_.root + file);
    std::vector<const Found<SafetensorsModel>*> files;
    if (wanted.empty()) {
      const std::string single = seen_.root + "model.safetensors";
      for (const auto& file : seen_.safetensors)
        if (!seen_.sizes.contains(single) || file.path == single) files.push_back(&file);
      return files;
    }
    for (const auto& path : wanted)
      if (!seen_.sizes.contains(path))
        seen_.warn(Severity::danger, "missing_part", "The index names a file that is not there.", path);
    for (const auto& file : seen_.safetensors)
      if (wanted.contains(file.path)) files.push_back(&file);
    return files;
  }

  void use_safetensors() {
    std::vector<DtypeCount> counts;
    for (const auto* file : weight_files()) {
      out_.tensor_count += static_cast<std::int64_t>(file->model.tensors.size());
      merge(counts, file->model.dtypes);
    }
    use_histogram(counts);
    // Quantised weights are packed: several in each integer of a tensor.
    if (!seen_.config || !out_.parameter_count) return;
    const std::int64_t bits = seen_.config->quantization_bits.value_or(0);
    if (bits < 2 || bits > 8) return;
    std::int64_t total = 0;
    for (const auto& share : out_.dtypes) {
      const std::int64_t packed = share.dtype == "I32" ? 32 / bits : share.dtype == "U8" ? 8 / bits : 1;
      std::int64_t elements = 0;
      if (__builtin_mul_overflow(share.elements, packed, &elements) || __builtin_add_overflow(total, elements, &total))
        return;
    }
    out_.parameter_count = total;
  }

  void decide_transformers() {
    const HfConfig& config = *seen_.config;
    out_.framework = Framework::transformers;
    out_.format = !seen_.safetensors.empty() ? FileFormat::safetensors : FileFormat::unknown;
    if (seen_.safetensors.empty())
      for (const auto& other : seen_.others)
        if (other.model == FileFormat::pytorch_zip || other.model == FileFormat::pickle) out_.format = other.model;
    if (out_.format == FileFormat::unknown)
      seen_.warn(Severity::danger, "no_weights", "There is a config.json but no readable weights.");
    use_safetensors();
    out_.model_type = config.model_type;
    if (!config.architectures.empty()) out_.architecture = config.architectures.front();
    if (config.dtype) out_.dtype = config.dtype;
    if (config.quantization)
      out_.quantization = config.quantization_bits
                              ? fmt::format("{} {}-bit", *config.quantization, *config.quantization_bits)
                              : *config.quantization;
    out_.context_length = config.context_length;
    seen_.depend(config.transformers_version ? "transformers>=" + *config.transformers_version : "transformers");
    seen_.depend("torch");

    const std::string architecture = out_.architecture.value_or("");
    const bool generates =
        architecture.ends_with("ForCausalLM") || architecture.ends_with("ForConditionalGeneration") ||
        architecture.ends_with("LMHeadModel") || out_.task == "text-generation" || out_.task == "image-text-to-text";
    const bool embeds =
        seen_.sentence_transformer || out_.task == "feature-extraction" || out_.task == "sentence-similarity";
    if (embeds) {
      out_.interface = ModelInterface::embedding;
      out_.recommended_engine = "tei";
      out_.alternative_engines = {"vllm"};
    } else if (generates) {
      out_.interface = out_.chat_template ? ModelInterface::chat : ModelInterface::completion;
      out_.recommended_engine = "vllm";
      out_.alternative_engines = {"sglang", "tgi"};
    } else {
      out_.recommended_engine = "triton";
    }
    if (out_.chat_template)
      seen_.warn(Severity::info, "chat_template",
                 "The model brings a chat template, which the engine runs as a Jinja program.");
  }

  void decide_safetensors() {
    out_.format = FileFormat::safetensors;
    const auto& first = seen_.safetensors.front();
    if (first.model.framework == "pt") out_.framework = Framework::pytorch;
    if (first.model.framework == "tf") out_.framework = Framework::tensorflow;
    use_safetensors();
    seen_.warn(Severity::warning, "no_config",
               "Weights without a config.json: no engine can tell the model from them.");
  }

  void decide_others() {
    const auto rank = [](FileFormat format) {
      switch (format) {
        case FileFormat::saved_model: return 9;
        case FileFormat::torchscript: return 8;
        case FileFormat::keras_zip: return 7;
        case FileFormat::xgboost_json:
        case FileFormat::xgboost_ubjson: return 6;
        case FileFormat::pytorch_zip: return 5;
        case FileFormat::tflite: return 4;
        case FileFormat::hdf5: return 3;
        case FileFormat::pickle: return 2;
        case FileFormat::joblib: return 1;
        default: return 0;
      }
    };
    const Found<FileFormat>* main = nullptr;
    for (const auto& other : seen_.others)
      if (rank(other.model) > 0 && (!main || rank(other.model) > rank(main->model))) main = &other;
    if (!main) return;
    out_.format = main->model;
    out_.primary_file = main->path;
    switch (main->model) {
      case FileFormat::saved_model:
      case FileFormat::keras_zip:
      case FileFormat::hdf5:
      case FileFormat::tflite:
        out_.framework = Framework::tensorflow;
        seen_.depend("tensorflow");
        if (main->model == FileFormat::saved_model) {
          out_.primary_file.reset();
          out_.recommended_engine = "triton";
        }
        break;
      case FileFormat::xgboost_json:
      case FileFormat::xgboost_ubjson:
        out_.framework = Framework::xgboost;
        out_.recommended_engine = "triton";
        seen_.depend("xgboost");
        break;
      case FileFormat::torchscript:
        out_.framework = Framework::pytorch;
        out_.recommended_engine = "triton";
        seen_.depend("torch");
        break;
      default: by_imports(); break;
    }
  }

  void by_imports() {
    const auto imports = [&](std::string_view package) {
      return std::any_of(seen_.pickle_imports.begin(), seen_.pickle_imports.end(), [&](const auto& import) {
        return import.starts_with(package) && import.size() > package.size() &&
               (import[package.size()] == '.' || import[package.size()] == ' ');
      });
    };
    if (imports("sklearn")) {
      out_.framework = Framework::sklearn;
      seen_.depend("scikit-learn");
      seen_.depend("joblib");
    } else if (imports("xgboost")) {
      out_.framework = Framework::xgboost;
      seen_.depend("xgboost");
    } else if (imports("torch") || out_.format == FileFormat::pytorch_zip) {
      out_.framework = Framework::pytorch;
      seen_.depend("torch");
    }
    if (out_.framework != Framework::unknown)
      seen_.warn(Severity::info, "convert",
                 "No engine serves a pickle safely; convert the model to ONNX or safetensors.");
  }

  void custom_code() {
    for (const auto& file : seen_.code_files) out_.custom_code_files.push_back(file);
    // Code that nothing refers to is not run by an engine, but it came with the model: list it.
    for (const auto& file : seen_.python_files)
      if (!seen_.code_files.contains(file) && out_.custom_code_files.size() < 1000)
        out_.custom_code_files.push_back(file);
    out_.custom_code = out_.custom_code || !out_.custom_code_files.empty();
    if (out_.trust_remote_code)
      seen_.warn(Severity::danger, "custom_code",
                 "The model runs its own Python code (trust_remote_code): " +
                     (out_.custom_code_files.empty() ? std::string("from another repository")
                                                     : joined(out_.custom_code_files)) +
                     ".");
  }

  Inspection seen_;
  Analysis& out_;
};

}  // namespace

SizeClass size_class_of(std::optional<std::int64_t> parameter_count, std::int64_t size_bytes) {
  const std::int64_t parameters = parameter_count.value_or(size_bytes / 2);
  if (parameters < 100 * megabyte) return SizeClass::tiny;
  if (parameters < 1'000 * megabyte) return SizeClass::small;
  if (parameters < 10'000 * megabyte) return SizeClass::medium;
  if (parameters < 100'000 * megabyte) return SizeClass::large;
  return SizeClass::xlarge;
}

StorageStrategy storage_strategy_of(std::int64_t size_bytes) {
  if (size_bytes < 2'000 * megabyte) return StorageStrategy::embed;
  if (size_bytes < 50'000 * megabyte) return StorageStrategy::volume;
  return StorageStrategy::stream;
}

Analysis analyze(const SourceTree& tree) { return Decision(inspect(tree)).run(); }

}  // namespace modelops::formats
