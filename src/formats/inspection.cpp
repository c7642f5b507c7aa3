#include "formats/inspection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/text.hpp"
#include "formats/bounded_json.hpp"
#include "formats/pickle.hpp"
#include "formats/zip.hpp"

namespace modelops::formats {
namespace {

constexpr std::size_t files_max = 100'000;
constexpr std::size_t dependencies_max = 100;
constexpr std::size_t pickles_per_archive_max = 32;
constexpr std::uint64_t config_bytes_max = 4 * 1024 * 1024;
constexpr std::uint64_t tokenizer_config_bytes_max = 16 * 1024 * 1024;
constexpr std::uint64_t requirements_bytes_max = 64 * 1024;
constexpr std::size_t json_depth_max = 64;

FileFormat archive_kind(const std::vector<ZipEntry>& entries) {
  bool pickle = false, code = false, keras = false, numpy = !entries.empty();
  for (const auto& entry : entries) {
    const auto name = base_name(entry.name);
    pickle = pickle || claimed_format(name) == FileFormat::pickle;
    code = code || name == "constants.pkl";
    keras = keras || name == "model.weights.h5";
    numpy = numpy && name.ends_with(".npy");
  }
  return code     ? FileFormat::torchscript
         : pickle ? FileFormat::pytorch_zip
         : keras  ? FileFormat::keras_zip
         : numpy  ? FileFormat::numpy_zip
                  : FileFormat::zip;
}

class Inspector {
 public:
  explicit Inspector(const SourceTree& tree) : tree_(tree) {}

  Inspection run() {
    check_tree();
    for (const auto& file : tree_.files) {
      try {
        inspect(file);
      } catch (const Error& error) {
        if (error.code != ErrorCode::unprocessable) throw;
        if (!seen_.first_malformed) seen_.first_malformed = error;
        seen_.warn(Severity::danger, "malformed_file", error.message, file.path);
      }
    }
    return std::move(seen_);
  }

 private:
  void check_tree() {
    if (tree_.files.empty()) fail(ErrorCode::unprocessable, "The source has no files.");
    if (tree_.files.size() > files_max)
      fail(ErrorCode::unprocessable,
           fmt::format("The source has {} files, at most {} are allowed.", tree_.files.size(), files_max));
    std::int64_t bytes = 0;
    for (const auto& file : tree_.files) {
      if (!is_safe_relative_path(file.path))
        fail(ErrorCode::unprocessable,
             fmt::format("'{}' is not a path inside the model's folder.", display_text(file.path)));
      if (!seen_.sizes.emplace(file.path, file.size_bytes).second)
        fail(ErrorCode::unprocessable, fmt::format("The file '{}' is given twice.", display_text(file.path)));
      if (file.size_bytes > std::numeric_limits<std::int64_t>::max() ||
          __builtin_add_overflow(bytes, static_cast<std::int64_t>(file.size_bytes), &bytes))
        fail(ErrorCode::unprocessable, "The sizes of the files overflow.");
    }
    seen_.stated.size_bytes = bytes;
    seen_.stated.file_count = static_cast<std::int64_t>(tree_.files.size());
    // Archives and uploads often put everything into one folder: that folder is the model's.
    std::string_view root = folder_of(tree_.files.front().path);
    for (const auto& file : tree_.files)
      while (!std::string_view(file.path).starts_with(root)) root = folder_of(root.substr(0, root.size() - 1));
    seen_.root = root;
  }

  void inspect(const SourceFile& file) {
    const std::string_view name = std::string_view(file.path).substr(seen_.root.size());
    if (name.ends_with(".py")) seen_.python_files.push_back(file.path);
    if (base_name(name) == "chat_template.jinja") seen_.stated.chat_template = true;
    const auto source = file.open();
    if (name == "README.md") return model_card(*source, file);
    if (name == "requirements.txt") return requirements(*source, file);

    const FileFormat format = sniff(*source, file.path);
    const FileFormat claimed = claimed_format(file.path);
    switch (format) {
      case FileFormat::onnx: seen_.onnx.push_back({file.path, file.size_bytes, read_onnx(*source, file.path)}); break;
      case FileFormat::gguf: seen_.gguf.push_back({file.path, file.size_bytes, read_gguf(*source, file.path)}); break;
      case FileFormat::safetensors:
        seen_.safetensors.push_back({file.path, file.size_bytes, read_safetensors(*source, file.path)});
        break;
      case FileFormat::pickle: pickle(*source, file, format); break;
      case FileFormat::zip:
      case FileFormat::pytorch_zip:
      case FileFormat::keras_zip:
      case FileFormat::numpy_zip: archive(*source, file); break;
      case FileFormat::json: json(*source, file, name); break;
      case FileFormat::hdf5:
      case FileFormat::tflite:
      case FileFormat::saved_model:
      case FileFormat::xgboost_ubjson:
      case FileFormat::numpy: by_magic(*source, file, format); break;
      case FileFormat::joblib:
        seen_.others.push_back({file.path, file.size_bytes, format});
        seen_.warn(Severity::danger, "pickle",
                   "A compressed pickle, not inspected: loading it may run any program. "
                   "Convert it, for instance to ONNX.",
                   file.path);
        break;
      case FileFormat::xgboost_json:
        check_json(*source, file.path, json_depth_max);
        seen_.others.push_back({file.path, file.size_bytes, format});
        break;
      case FileFormat::torchscript:
      case FileFormat::unknown: break;
    }
    const bool lies = format == FileFormat::pickle || format == FileFormat::zip
                          ? claimed != FileFormat::unknown && claimed != FileFormat::pickle &&
                                claimed != FileFormat::pytorch_zip && claimed != FileFormat::keras_zip &&
                                claimed != FileFormat::numpy_zip
                          : false;
    if (lies)
      seen_.warn(Severity::danger, "misleading_name",
                 fmt::format("The name says {}, the content is {}.", format_name(claimed), format_name(format)),
                 file.path);
  }

  /// Formats that are recognised by magic only; a claim by name without the magic is damage.
  void by_magic(const RandomAccess& source, const SourceFile& file, FileFormat format) {
    static constexpr std::size_t head_max = 16;
    std::string head(std::min<std::size_t>(head_max, static_cast<std::size_t>(source.size())), '\0');
    source.read_at(0, head);
    const bool real = format == FileFormat::hdf5          ? head.starts_with("\x89HDF")
                      : format == FileFormat::tflite      ? head.size() >= 8 && head.compare(4, 4, "TFL3") == 0
                      : format == FileFormat::numpy       ? head.starts_with("\x93NUMPY")
                      : format == FileFormat::saved_model ? head.starts_with('\x08')
                                                          : head.starts_with('{');
    if (!real) fail_malformed(file.path, 0, fmt::format("it does not begin like {}", format_name(format)));
    seen_.others.push_back({file.path, file.size_bytes, format});
    if (format == FileFormat::saved_model)
      seen_.warn(Severity::warning, "graph_is_code", "A TensorFlow graph may read and write files when it runs.",
                 file.path);
    if (format == FileFormat::hdf5)
      seen_.warn(Severity::warning, "graph_is_code", "A Keras file can hold Lambda layers, which are programs.",
                 file.path);
  }

  void pickle(const RandomAccess& source, const SourceFile& file, FileFormat format) {
    if (!looks_like_pickle(source)) fail_malformed(file.path, 0, "it is not a pickle");
    report_pickle(scan_pickle(source), file.path, file.path);
    seen_.others.push_back({file.path, file.size_bytes, format});
  }

  void report_pickle(const PickleScan& scan, const std::string& what, const std::string& path) {
    std::vector<std::string> odd;
    for (const auto& import : scan.imports) {
      seen_.pickle_imports.insert(import);
      if (!is_ordinary_import(import)) odd.push_back(import);
    }
    seen_.warn(Severity::warning, "pickle",
               fmt::format("'{}' is a pickle{}: loading it runs a program. Prefer safetensors, ONNX or GGUF.",
                           display_text(what), scan.complete ? "" : ", which could be inspected in part only"),
               path);
    if (!odd.empty()) seen_.warn(Severity::danger, "pickle_import", "The pickle imports " + joined(odd) + ".", path);
  }

  void archive(const RandomAccess& source, const SourceFile& file) {
    const auto entries = read_zip(source, file.path);
    const FileFormat kind = archive_kind(entries);
    seen_.others.push_back({file.path, file.size_bytes, kind});
    if (kind == FileFormat::keras_zip)
      seen_.warn(Severity::warning, "graph_is_code", "A Keras file can hold Lambda layers, which are programs.",
                 file.path);
    if (kind == FileFormat::torchscript)
      seen_.warn(Severity::warning, "graph_is_code", "TorchScript holds a program that runs with the model.",
                 file.path);
    std::size_t scanned = 0;
    for (const auto& entry : entries) {
      if (claimed_format(entry.name) != FileFormat::pickle) continue;
      if (entry.method != 0 || ++scanned > pickles_per_archive_max) {
        seen_.warn(
            Severity::danger, "pickle",
            fmt::format("'{}' was not inspected: it is compressed, or one of too many.", display_text(entry.name)),
            file.path);
        continue;
      }
      report_pickle(scan_pickle(*open_stored(source, file.path, entry)), entry.name, file.path);
    }
  }

  void json(const RandomAccess& source, const SourceFile& file, std::string_view name) {
    if (name.ends_with(".safetensors.index.json")) {
      seen_.indexes.push_back({file.path, file.size_bytes, read_safetensors_index(source, file.path)});
      return;
    }
    const bool config = name == "config.json";
    const bool tokenizer = name == "tokenizer_config.json" || name == "chat_template.json";
    const bool other = name == "generation_config.json" || name == "processor_config.json" ||
                       name == "preprocessor_config.json" || name == "image_processor_config.json";
    if (name == "modules.json") seen_.sentence_transformer = true;
    const bool adapter = name == "adapter_config.json";
    if (!config && !tokenizer && !other && !adapter) return;
    const auto document = read_json(source, file.path, tokenizer ? tokenizer_config_bytes_max : config_bytes_max);
    if (!document.is_object()) fail_malformed(file.path, 0, "an object is expected");
    if (config) seen_.config = read_hf_config(document);
    if (tokenizer && has_chat_template(document)) seen_.stated.chat_template = true;
    if (adapter) {
      const auto base = text_member(document, "base_model_name_or_path");
      if (base) seen_.add_base_model(display_text(*base));
      seen_.warn(Severity::info, "adapter", "An adapter: it needs its base model to run.", file.path);
    }
    for (const auto& code : find_code_references(document)) {
      seen_.stated.custom_code = seen_.stated.trust_remote_code = true;
      if (code.repository)
        seen_.warn(Severity::danger, "custom_code_elsewhere",
                   fmt::format("'{}' loads code of another repository, '{}': pin its revision and review it.",
                               code.reference, *code.repository),
                   file.path);
      else if (std::string beside = std::string(folder_of(file.path)) + code.file; seen_.sizes.contains(beside))
        seen_.code_files.insert(std::move(beside));
      else
        seen_.warn(Severity::warning, "custom_code_missing",
                   fmt::format("'{}' refers to code that is not there.", code.reference), file.path);
    }
  }

  void model_card(const RandomAccess& source, const SourceFile& file) {
    ModelCard card = read_model_card(source, file.path);
    seen_.card_license = card.license;
    seen_.stated.task = card.pipeline_tag;
    for (auto& base : card.base_models) seen_.add_base_model(std::move(base));
    seen_.sentence_transformer = seen_.sentence_transformer || card.library_name == "sentence-transformers";
  }

  void requirements(const RandomAccess& source, const SourceFile& file) {
    Cursor in(source, file.path);
    const std::string text = in.bytes(source.size(), requirements_bytes_max);
    for (const auto line : split(text, '\n')) {
      const auto requirement = trim(line.substr(0, line.find('#')));
      // Options such as an index URL are not dependencies, and not followed.
      if (!requirement.empty() && requirement.front() != '-') seen_.depend(display_text(requirement));
    }
  }

  const SourceTree& tree_;
  Inspection seen_;
};

}  // namespace

void Inspection::warn(Severity severity, std::string code, std::string message, std::optional<std::string> file) {
  stated.warnings.push_back({severity, std::move(code), std::move(message), std::move(file)});
}

void Inspection::depend(std::string what) {
  auto& list = stated.dependencies;
  if (list.size() < dependencies_max && std::find(list.begin(), list.end(), what) == list.end())
    list.push_back(std::move(what));
}

void Inspection::add_base_model(std::string name) {
  auto& list = stated.base_models;
  if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(std::move(name));
}

Inspection inspect(const SourceTree& tree) { return Inspector(tree).run(); }

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::string_view folder_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash + 1);
}

std::string joined(const std::vector<std::string>& items, std::size_t shown_max) {
  std::string text;
  for (std::size_t i = 0; i < items.size() && i < shown_max; ++i) text += (i ? ", " : "") + items[i];
  if (items.size() > shown_max) text += fmt::format(" and {} more", items.size() - shown_max);
  return text;
}

}  // namespace modelops::formats
