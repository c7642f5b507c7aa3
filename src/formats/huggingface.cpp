#include "formats/huggingface.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.hpp"
#include "formats/bounded_json.hpp"
#include "formats/cursor.hpp"

namespace modelops::formats {
namespace {

constexpr std::size_t references_max = 100;
constexpr std::size_t list_max = 100;
constexpr std::size_t front_matter_bytes_max = 64 * 1024;

std::optional<std::string> shown(std::optional<std::string> text) {
  if (text) *text = display_text(*text);
  return text;
}

void add_reference(const boost::json::value& value, std::vector<CodeReference>& found) {
  if (const auto* list = value.if_array()) {
    for (const auto& item : *list) add_reference(item, found);
    return;
  }
  if (const auto* object = value.if_object()) {
    for (const auto& member : *object) add_reference(member.value(), found);
    return;
  }
  const auto* text = value.if_string();
  if (!text || text->empty() || found.size() >= references_max) return;
  CodeReference code;
  std::string_view path(text->data(), text->size());
  code.reference = display_text(path);
  if (const auto separator = path.find("--"); separator != std::string_view::npos) {
    code.repository = display_text(path.substr(0, separator));
    path.remove_prefix(separator + 2);
  }
  code.file = display_text(path.substr(0, path.rfind('.'))) + ".py";
  found.push_back(std::move(code));
}

using Values = std::vector<std::string>;

bool is_plain(std::string_view value) {
  return !value.empty() && std::string_view("&*!|>{%@`").find(value.front()) == std::string_view::npos;
}

std::string unquoted(std::string_view value) {
  if (value.size() >= 2 && value.front() == value.back() && (value.front() == '"' || value.front() == '\''))
    return std::string(value.substr(1, value.size() - 2));
  if (const auto comment = value.find(" #"); comment != std::string_view::npos) value = trim(value.substr(0, comment));
  return std::string(value);
}

void add_value(std::string_view value, Values& values) {
  value = trim(value);
  if (value.starts_with('[') && value.ends_with(']') && value.size() >= 2) {
    for (const auto item : split(value.substr(1, value.size() - 2), ',')) add_value(item, values);
    return;
  }
  if (is_plain(value) && values.size() < list_max) values.push_back(display_text(unquoted(value)));
}

std::map<std::string, Values, std::less<>> read_front_matter(std::string_view text) {
  std::map<std::string, Values, std::less<>> wanted{
      {"license", {}}, {"license_name", {}}, {"base_model", {}}, {"pipeline_tag", {}}, {"library_name", {}}};
  Values* current = nullptr;
  for (auto line : split(text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto content = trim(line);
    if (content.empty() || content.starts_with('#')) continue;
    if (content.starts_with("- ")) {
      if (current) add_value(content.substr(2), *current);
      continue;
    }
    if (line.front() == ' ' || line.front() == '\t') continue;  // inside something that is not wanted
    const auto colon = line.find(':');
    const auto entry = colon == std::string_view::npos ? wanted.end() : wanted.find(trim(line.substr(0, colon)));
    current = entry == wanted.end() ? nullptr : &entry->second;
    if (current) add_value(line.substr(colon + 1), *current);
  }
  return wanted;
}

std::optional<std::string> first(const Values& values) {
  return values.empty() ? std::nullopt : std::optional(values.front());
}

}  // namespace

std::vector<CodeReference> find_code_references(const boost::json::value& document) {
  std::vector<CodeReference> found;
  if (const auto* map = find_member(document, "auto_map")) add_reference(*map, found);
  if (const auto* pipelines = find_member(document, "custom_pipelines"); pipelines && pipelines->is_object())
    for (const auto& member : pipelines->get_object())
      if (const auto* implementation = find_member(member.value(), "impl")) add_reference(*implementation, found);
  return found;
}

HfConfig read_hf_config(const boost::json::value& document) {
  HfConfig config;
  config.model_type = shown(text_member(document, "model_type"));
  if (const auto* list = find_member(document, "architectures"); list && list->is_array())
    for (const auto& item : list->get_array())
      if (item.is_string() && config.architectures.size() < list_max)
        config.architectures.push_back(display_text({item.get_string().data(), item.get_string().size()}));
  config.dtype = shown(text_member(document, "dtype"));
  if (!config.dtype) config.dtype = shown(text_member(document, "torch_dtype"));
  config.transformers_version = shown(text_member(document, "transformers_version"));
  if (const auto* quantization = find_member(document, "quantization_config")) {
    config.quantization = shown(text_member(*quantization, "quant_method"));
    config.quantization_bits = count_member(*quantization, "bits");
    const auto* four = find_member(*quantization, "load_in_4bit");
    const auto* eight = find_member(*quantization, "load_in_8bit");
    if (four && four->is_bool() && four->get_bool()) config.quantization_bits = 4;
    if (eight && eight->is_bool() && eight->get_bool()) config.quantization_bits = 8;
    if (!config.quantization) config.quantization = "unknown";
  }
  for (const auto key : {"max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "n_ctx"})
    if (!config.context_length) config.context_length = count_member(document, key);
  if (const auto* text = find_member(document, "text_config"); text && text->is_object()) {
    if (!config.context_length) config.context_length = count_member(*text, "max_position_embeddings");
    if (!config.dtype) config.dtype = shown(text_member(*text, "dtype"));
    if (!config.dtype) config.dtype = shown(text_member(*text, "torch_dtype"));
  }
  return config;
}

bool has_chat_template(const boost::json::value& document) {
  const auto* chat_template = find_member(document, "chat_template");
  if (!chat_template) return false;
  return (chat_template->is_string() && !chat_template->get_string().empty()) ||
         (chat_template->is_array() && !chat_template->get_array().empty()) ||
         (chat_template->is_object() && !chat_template->get_object().empty());
}

ModelCard read_model_card(const RandomAccess& source, std::string_view file_name) {
  Cursor in(source, file_name);
  const std::string text =
      in.bytes(std::min<std::uint64_t>(source.size(), front_matter_bytes_max), front_matter_bytes_max);
  ModelCard card;
  if (!text.starts_with("---\n") && !text.starts_with("---\r\n")) return card;
  const auto end = text.find("\n---", 3);
  if (end == std::string::npos)
    in.malformed_at(
        0, fmt::format("the front matter does not end with a line '---' within {} bytes", front_matter_bytes_max));
  const std::string_view matter = std::string_view(text).substr(4, end - std::min<std::size_t>(end, 3));
  if (!is_utf8(matter)) in.malformed_at(0, "the front matter is not UTF-8");

  const auto values = read_front_matter(matter);
  card.license = first(values.at("license"));
  if (card.license == "other" && !values.at("license_name").empty()) card.license = values.at("license_name").front();
  card.base_models = values.at("base_model");
  card.pipeline_tag = first(values.at("pipeline_tag"));
  card.library_name = first(values.at("library_name"));
  return card;
}

}  // namespace modelops::formats
