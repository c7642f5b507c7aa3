#include "readers.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "base/text.hpp"
#include "formats/analysis.hpp"
#include "formats/archive.hpp"
#include "formats/bounded_json.hpp"
#include "formats/gguf.hpp"
#include "formats/huggingface.hpp"
#include "formats/onnx.hpp"
#include "formats/pickle.hpp"
#include "formats/safetensors.hpp"
#include "formats/zip.hpp"
#include "reflect/values.hpp"

namespace modelops::fuzz {
namespace {

using namespace modelops::formats;

template <class Call>
void refused_or_read(Call call) {
  fuzz::refused_or_read({ErrorCode::unprocessable}, call);
}

}  // namespace

void require(bool promise, std::string_view what) {
  if (promise) return;
  std::fprintf(stderr, "broken promise: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

void require_refusal(const Error& error, std::initializer_list<ErrorCode> codes) {
  require(std::find(codes.begin(), codes.end(), error.code) != codes.end(), error.message);
  require(is_utf8(error.message) && !has_invisible_characters(error.message), "a message can be shown");
  require(error.message.size() < 2000, "a message is short");
}

void gguf(std::string_view bytes) {
  const MemorySource source{std::string(bytes)};
  refused_or_read([&] {
    const auto model = read_gguf(source, "f");
    for (const auto& tensor : model.tensors)
      require(model.data_start + tensor.offset + tensor.size_bytes <= source.size(), "a tensor lies in the file");
    require(total_elements(model.dtypes) >> 63 == 0, "parameters fit into int64");
  });
}

void onnx(std::string_view bytes) {
  const MemorySource source{std::string(bytes)};
  refused_or_read([&] {
    const auto model = read_onnx(source, "f");
    for (const auto& external : model.external_data)
      require(is_safe_relative_path(external.location), "external data stays in the folder");
    for (const auto& port : model.inputs)
      require(port.shape.size() == port.dim_names.size(), "a name for each dimension");
    require(total_elements(model.dtypes) >> 63 == 0, "parameters fit into int64");
  });
}

void safetensors(std::string_view bytes) {
  const MemorySource source{std::string(bytes)};
  refused_or_read([&] {
    const auto model = read_safetensors(source, "f");
    std::uint64_t end = 0;
    for (const auto& tensor : model.tensors) {
      require(tensor.begin == end && tensor.end >= end, "no hole, no overlap");
      end = tensor.end;
    }
    require(8 + model.header_bytes + end == source.size(), "the last tensor ends with the file");
  });
  refused_or_read([&] {
    for (const auto& file : read_safetensors_index(source, "f").files)
      require(is_safe_relative_path(file), "a shard stays in the folder");
  });
}

void pickle(std::string_view bytes) {
  const MemorySource source{std::string(bytes)};
  looks_like_pickle(source);
  require(scan_pickle(source).imports.size() <= 1000, "imports are bounded");
  refused_or_read([&] {
    for (const auto& entry : read_zip(source, "f"))
      refused_or_read([&] { scan_pickle(*open_stored(source, "f", entry)); });
  });
}

void huggingface(std::string_view bytes) {
  const MemorySource source{std::string(bytes)};
  refused_or_read([&] {
    const auto document = read_json(source, "f", 1024 * 1024);
    read_hf_config(document);
    find_code_references(document);
    has_chat_template(document);
  });
  refused_or_read([&] { read_model_card(source, "f"); });
  refused_or_read([&] { check_json(source, "f", 64); });
}

void analysis(std::string_view bytes) {
  for (const auto* name : {"model", "model.json", "model.pkl", "config.json"})
    refused_or_read([&] {
      const auto result = analyze({{memory_file(name, std::string(bytes))}});
      require(result.warnings.size() <= 200, "warnings are bounded");
      for (const auto& warning : result.warnings)
        require(is_utf8(warning.message) && !has_invisible_characters(warning.message), "a warning can be shown");
      require(result.parameter_count.value_or(0) >= 0, "parameters are not negative");
    });
}

void archive(std::string_view bytes) {
  class Bytes final : public storage::BlobReader {
   public:
    explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
    std::uint64_t size_bytes() const override { return bytes_.size(); }
    std::size_t read_at(std::uint64_t offset, std::span<char> into) const override {
      const std::string_view rest = bytes_.substr(std::min<std::uint64_t>(offset, bytes_.size()));
      return rest.copy(into.data(), into.size());
    }

   private:
    const std::string_view bytes_;
  };
  struct Files final : registry::Unpacker::Target {
    void begin(const std::string& path) override {
      require(reflect::RelativePath::parse(path).has_value(), "a path stays below the folder");
      require(paths.insert(path).second, "a path comes once");
    }
    void write(std::string_view piece) override { bytes += piece.size(); }
    void end() override {}
    std::set<std::string> paths;
    std::uint64_t bytes = 0;
  };
  const registry::Unpacker::Limits limits{100, 1 << 20};
  refused_or_read({ErrorCode::unprocessable, ErrorCode::too_large}, [&] {
    Files files;
    formats::Unpacker().unpack(Bytes(bytes), limits, files);
    require(files.bytes <= limits.bytes_max && std::ssize(files.paths) <= limits.files_max, "limits hold");
  });
}

std::span<const Target> targets() {
  static constexpr Target all[] = {{"gguf", gguf},
                                   {"onnx", onnx},
                                   {"safetensors", safetensors},
                                   {"pickle", pickle},
                                   {"huggingface", huggingface},
                                   {"analysis", analysis},
                                   {"filter", filter},
                                   {"page_token", page_token},
                                   {"json", json},
                                   {"http_head", http_head},
                                   {"audit_export", audit_export},
                                   {"exposition", exposition},
                                   {"tus_headers", tus_headers},
                                   {"archive", archive}};
  return all;
}

}  // namespace modelops::fuzz
