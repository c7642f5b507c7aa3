#pragma once
// The text files of a Hugging Face repository. All of them are written by the model's author: nothing here is trusted,
// rendered or followed.
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/source.hpp"

namespace modelops::formats {

/// One `auto_map` (or `custom_pipelines`) entry: a class that `trust_remote_code` would import and run.
struct CodeReference {
  std::string reference;                  ///< as written: "owner/repo--modeling_x.XModel"
  std::optional<std::string> repository;  ///< of "repo--module.Class": code of another repository
  std::string file;                       ///< "modeling_x.py"
};
std::vector<CodeReference> find_code_references(const boost::json::value& document);

struct HfConfig {
  std::optional<std::string> model_type;
  std::vector<std::string> architectures;
  std::optional<std::string> dtype;         ///< dtype, formerly torch_dtype
  std::optional<std::string> quantization;  ///< quantization_config.quant_method: "awq", "gptq", "fp8", ...
  std::optional<std::int64_t> quantization_bits;
  std::optional<std::int64_t> context_length;
  std::optional<std::string> transformers_version;
};
/// `document` is a config.json; a text_config inside (multimodal models) fills what is absent outside.
HfConfig read_hf_config(const boost::json::value& document);

/// True when tokenizer_config.json or chat_template.json has a chat template. Templates are programs for Jinja.
bool has_chat_template(const boost::json::value& document);

/// The YAML front matter of a README.md, by a small line reader: top-level `key: value`, `key: [a, b]` and lists of
/// "- item". Anchors, aliases, tags and block texts are refused where they are a wanted value.
struct ModelCard {
  std::optional<std::string> license;  ///< license, or license_name where that is "other"
  std::vector<std::string> base_models;
  std::optional<std::string> pipeline_tag;
  std::optional<std::string> library_name;
};
/// Throws Error(unprocessable) for front matter that does not end within 64 KiB, or is not UTF-8.
ModelCard read_model_card(const RandomAccess& source, std::string_view file_name);

}  // namespace modelops::formats
