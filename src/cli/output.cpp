#include "cli/output.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <cmath>
#include <cstdio>

#include "base/text.hpp"
#include "reflect/json.hpp"

namespace modelops::cli {
namespace {

const boost::json::value* find_field(const boost::json::value& value, std::string_view path) {
  const boost::json::value* at = &value;
  for (const std::string_view part : split(path, '.')) {
    if (!at->is_object()) return nullptr;
    at = at->get_object().if_contains(part);
    if (at == nullptr) return nullptr;
  }
  return at;
}

std::string cell(const boost::json::value* value) {
  if (value == nullptr || value->is_null()) return "-";
  if (value->is_string()) {
    const std::string_view text = value->get_string();
    // Times are shown to the second.
    if (text.size() == 27 && text[10] == 'T' && text.back() == 'Z')
      return std::string(text.substr(0, 10)) + " " + std::string(text.substr(11, 8));
    return printable(text);
  }
  if (value->is_object()) {
    std::string out;
    for (const auto& [key, item] : value->get_object())
      out += (out.empty() ? "" : ",") + printable(key) + "=" + cell(&item);
    return out.empty() ? "-" : out;
  }
  if (value->is_array()) {
    std::string out;
    for (const auto& item : value->get_array()) out += (out.empty() ? "" : ",") + cell(&item);
    return out.empty() ? "-" : out;
  }
  // To be read: JSON and YAML have every digit.
  if (value->is_double())
    return std::abs(value->get_double()) < 100 ? fmt::format("{:.3g}", value->get_double())
                                               : fmt::format("{:.0f}", value->get_double());
  return reflect::to_json(*value);
}

std::string ids(const boost::json::value& value) {
  const auto* items = value.get_object().if_contains("items");
  if (items == nullptr || !items->is_array()) return cell(find_field(value, "id")) + "\n";
  std::string out;
  for (const boost::json::value& item : items->get_array()) out += cell(find_field(item, "id")) + "\n";
  return out;
}

std::size_t width(std::string_view text) {
  std::size_t out = 0;
  for (const char c : text) out += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return out;
}

std::string table(const boost::json::array& items, const std::vector<Column>& columns) {
  if (items.empty()) return "(none)\n";
  std::vector<std::vector<std::string>> rows;
  rows.emplace_back();
  for (const Column& column : columns) rows.back().emplace_back(column.heading);
  for (const boost::json::value& item : items) {
    rows.emplace_back();
    for (const Column& column : columns) rows.back().push_back(cell(find_field(item, column.field)));
  }
  std::vector<std::size_t> widths(columns.size(), 0);
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line += std::string(widths[i] - width(row[i]) + 2, ' ');
    }
    out += line + "\n";
  }
  return out;
}

void list_fields(const boost::json::value& value, const std::string& prefix, std::string& out) {
  for (const auto& [key, item] : value.get_object()) {
    const std::string name = prefix.empty() ? std::string(key) : prefix + "." + std::string(key);
    if (item.is_object() && !item.get_object().empty()) {
      list_fields(item, name, out);
    } else if (item.is_array() && !item.get_array().empty() && item.get_array().front().is_object()) {
      std::size_t index = 0;
      for (const auto& element : item.get_array()) {
        if (element.is_object()) list_fields(element, fmt::format("{}[{}]", name, index++), out);
      }
    } else {
      out += fmt::format("{:<28} {}\n", name, cell(&item));
    }
  }
}

void emit(YAML::Emitter& out, const boost::json::value& value) {
  if (value.is_object()) {
    out << YAML::BeginMap;
    for (const auto& [key, item] : value.get_object()) {
      out << YAML::Key << YAML::DoubleQuoted << std::string(key) << YAML::Value;
      emit(out, item);
    }
    out << YAML::EndMap;
  } else if (value.is_array()) {
    out << YAML::BeginSeq;
    for (const auto& item : value.get_array()) emit(out, item);
    out << YAML::EndSeq;
  } else if (value.is_string()) {
    out << YAML::DoubleQuoted << std::string(value.get_string());
  } else if (value.is_null()) {
    out << YAML::Null;
  } else {
    out << reflect::to_json(value);
  }
}

std::string pretty(const boost::json::value& value, int depth) {
  const std::string indent(static_cast<std::size_t>(depth + 1) * 2, ' ');
  const std::string close(static_cast<std::size_t>(depth) * 2, ' ');
  std::string out;
  if (value.is_object() && !value.get_object().empty()) {
    for (const auto& [key, item] : value.get_object()) {
      out += out.empty() ? "{\n" : ",\n";
      out += indent;
      reflect::append_json_string(out, key);
      out += ": " + pretty(item, depth + 1);
    }
    return out + "\n" + close + "}";
  }
  if (value.is_array() && !value.get_array().empty()) {
    for (const auto& item : value.get_array()) {
      out += out.empty() ? "[\n" : ",\n";
      out += indent + pretty(item, depth + 1);
    }
    return out + "\n" + close + "]";
  }
  return reflect::to_json(value);
}

}  // namespace

std::string printable(std::string_view text) {
  if (!is_utf8(text)) return "(not UTF-8)";
  std::string out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
    else
      out += c;
  }
  return out;
}

std::string human_bytes(std::uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes);
  constexpr std::string_view units[] = {"kB", "MB", "GB", "TB"};
  for (const std::string_view unit : units) {
    value /= 1000;
    if (value < 1000 || unit == "TB") return fmt::format("{:.1f} {}", value, unit);
  }
  return {};
}

std::string render(const boost::json::value& value, Format format, const std::vector<Column>& columns) {
  if (value.is_null()) return format == Format::table ? "done\n" : "";
  if (format == Format::json) return pretty(value, 0) + "\n";
  if (format == Format::yaml) {
    YAML::Emitter out;
    emit(out, value);
    return std::string(out.c_str()) + "\n";
  }
  if (!value.is_object()) return cell(&value) + "\n";
  if (format == Format::id) return ids(value);
  if (const auto* items = value.get_object().if_contains("items");
      items != nullptr && items->is_array() && !columns.empty()) {
    std::string out = table(items->get_array(), columns);
    if (const auto* next = value.get_object().if_contains("next_page_token"); next != nullptr && next->is_string())
      out += "(more: raise --limit, or narrow with --filter)\n";
    return out;
  }
  std::string out;
  list_fields(value, "", out);
  return out;
}

Progress::Progress(std::string label) : label_(std::move(label)), terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (!done_ && terminal_ && !last_.empty()) std::fputs("\n", stderr);
}

void Progress::update(double fraction, const std::string& detail) {
  std::string line = label_;
  if (fraction >= 0) {
    const auto filled = static_cast<std::size_t>(std::min(1.0, fraction) * 24);
    line += " [" + std::string(filled, '#') + std::string(24 - filled, '.') + "]";
    line += fmt::format(" {:3.0f} %", fraction * 100);
  }
  if (!detail.empty()) line += " " + printable(detail);
  if (line == last_) return;
  // Without a terminal a moving fraction would be a flood of lines: only states are told.
  if (terminal_)
    fmt::print(stderr, "\r\x1b[K{}", line);
  else if (fraction < 0 && !detail.empty())
    fmt::print(stderr, "{}\n", line);
  last_ = line;
}

void Progress::finish(const std::string& detail) {
  done_ = true;
  fmt::print(stderr, "{}{} {}\n", terminal_ ? "\r\x1b[K" : "", label_, printable(detail));
}

}  // namespace modelops::cli
