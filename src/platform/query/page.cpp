#include "platform/query/page.hpp"

#include "base/text.hpp"

namespace modelops::query {

/// What is inside the opaque token.
struct PageToken {
  int version = 1;
  std::string order;
  std::string filter;
  std::vector<boost::json::value> last;
};
MODELOPS_DESCRIBE(PageToken, version, order, filter, last);

namespace {

[[noreturn]] void refuse_order(const FieldTable& table, std::string why) {
  std::string known;
  for (const Field& field : table.fields)
    if (field.sortable) known += fmt::format("{}{}", known.empty() ? "" : ", ", field.name);
  throw Error(
      ErrorCode::invalid,
      fmt::format("order_by is refused: {}. Write one or two of these fields, each with asc or desc after it if "
                  "you like: {}.",
                  why, known.empty() ? "id" : known),
      {}, {{"/order_by", std::move(why)}});
}

/// The columns of `order_by`, with the id at the end.
std::vector<SortKey> parse_order(const FieldTable& table, std::string_view order_by) {
  std::vector<SortKey> keys;
  const SortKey id{"id", fmt::format("{}.id", table.alias)};
  if (trim(order_by).empty()) order_by = table.default_order;
  if (!trim(order_by).empty()) {
    for (const std::string_view part : split(order_by, ',')) {
      if (keys.size() == order_columns_max)
        refuse_order(table, fmt::format("it has more than {} fields", order_columns_max));
      std::string_view name = trim(part);
      std::string direction = "asc";
      if (const std::size_t blank = name.find_first_of(" \t"); blank != std::string_view::npos) {
        direction = to_lower_ascii(trim(name.substr(blank)));
        name = name.substr(0, blank);
      }
      const Field* field = table.find(name);
      const bool is_id = name == id.name;
      if (!is_id && (field == nullptr || !field->sortable)) refuse_order(table, "it names a field that has no order");
      if (direction != "asc" && direction != "desc") refuse_order(table, "a direction is asc or desc");
      for (const SortKey& earlier : keys)
        if (earlier.name == name) refuse_order(table, fmt::format("it names '{}' twice", name));
      if (!is_id && (field->nullable || field->type == FieldType::number))
        fail(ErrorCode::internal, "The list cannot be ordered.", fmt::format("{} must not be sortable", name));
      keys.push_back(is_id ? id : SortKey{field->name, std::string(field->column), field->type});
      keys.back().descending = direction == "desc";
    }
  }
  // It is unique: what follows does not matter.
  const auto unique = std::ranges::find(keys, id.name, &SortKey::name);
  if (unique != keys.end()) {
    keys.erase(unique + 1, keys.end());
    return keys;
  }
  const bool descending = !keys.empty() && keys.back().descending;
  keys.push_back(id);
  keys.back().descending = descending;
  return keys;
}

/// FNV-1a: tells one filter from another by accident, not by attack; a forged token only skips the forger's own rows.
std::string hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return fmt::format("{:016x}", hash);
}

/// The value of a sort key as its column would give it; nothing for another type.
std::optional<reflect::SqlValue> checked(const boost::json::value& value, FieldType type) {
  switch (type) {
    case FieldType::text:
    case FieldType::enumeration:
      if (!value.is_string() || value.get_string().find('\0') != boost::json::string::npos) return std::nullopt;
      return std::string(value.get_string());
    case FieldType::integer:
    case FieldType::boolean:
    case FieldType::time:
      if (!value.is_int64()) return std::nullopt;
      if (type == FieldType::boolean && value.get_int64() != 0 && value.get_int64() != 1) return std::nullopt;
      return value.get_int64();
    case FieldType::number: return std::nullopt;  // not sortable
  }
  return std::nullopt;
}

[[noreturn]] void refuse_token() {
  throw Error(ErrorCode::invalid, "page_token does not belong to this query; start again without it", {},
              {{"/page_token", "does not belong to this query"}});
}

}  // namespace

std::string Keyset::next_token(const std::vector<reflect::SqlValue>& last) const {
  PageToken token{.order = order_, .filter = filter_, .last = {}};
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    token.last.push_back(std::visit([](const auto& value) { return boost::json::value(value); }, last.at(i)));
    if (!checked(token.last.back(), keys_[i].type))
      fail(ErrorCode::internal, "The list cannot be continued.", fmt::format("{} is of another type", keys_[i].name));
  }
  return to_base64url(reflect::to_json(token));
}

std::vector<reflect::SqlValue> Keyset::read_token(std::string_view text) const {
  if (text.size() > page_token_bytes_max) refuse_token();
  const auto json = from_base64url(text);
  if (!json) refuse_token();
  PageToken token;
  try {
    token = reflect::from_json<PageToken>(*json, {.depth_max = 2, .elements_max = 8});
  } catch (const Error&) {
    refuse_token();
  }
  if (token.version != 1 || token.order != order_ || token.filter != filter_ || token.last.size() != keys_.size())
    refuse_token();
  std::vector<reflect::SqlValue> out;
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    auto value = checked(token.last[i], keys_[i].type);
    if (!value) refuse_token();
    out.push_back(std::move(*value));
  }
  return out;
}

/// " AND (a, b, id) > (?, ?, ?)"; with mixed directions " AND (a > ? OR (a = ? AND b < ?) OR …)".
void Keyset::append_after(const std::vector<reflect::SqlValue>& last) {
  const auto comparison = [](const SortKey& key) { return key.descending ? "<" : ">"; };
  std::string& sql = condition_.sql;
  const bool uniform =
      std::ranges::all_of(keys_, [&](const SortKey& key) { return key.descending == keys_[0].descending; });
  if (uniform) {
    std::string columns;
    std::string marks;
    for (const SortKey& key : keys_) {
      columns += (columns.empty() ? "" : ", ") + key.column;
      marks += marks.empty() ? "?" : ", ?";
    }
    sql += fmt::format(" AND ({}) {} ({})", columns, comparison(keys_[0]), marks);
    condition_.args.insert(condition_.args.end(), last.begin(), last.end());
    return;
  }
  sql += " AND (";
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    sql += i == 0 ? "(" : " OR (";
    for (std::size_t j = 0; j < i; ++j) {
      sql += keys_[j].column + " = ? AND ";
      condition_.args.push_back(last[j]);
    }
    sql += fmt::format("{} {} ?)", keys_[i].column, comparison(keys_[i]));
    condition_.args.push_back(last[i]);
  }
  sql += ')';
}

Keyset plan(const FieldTable& table, std::string_view filter, std::string_view order_by, std::string_view page_token,
            PageSize page_size, std::string_view org_id) {
  Keyset out;
  out.condition_ = filter_sql(table, parse_filter(table, filter), org_id);
  out.keys_ = parse_order(table, order_by);
  std::string order_sql;
  std::string columns;
  for (const SortKey& key : out.keys_) {
    const std::string_view separator = order_sql.empty() ? "" : ", ";
    const std::string_view direction = key.descending ? " desc" : "";
    order_sql += fmt::format("{}{}{}", separator, key.column, direction);
    out.order_ += fmt::format("{}{}{}", separator, key.name, direction);
  }
  out.filter_ = hash_of(fmt::format("{}\n{}", order_sql, trim(filter)));
  if (!page_size.is_set()) page_size = default_page_size();
  out.page_size_ = static_cast<std::size_t>(page_size.number());
  if (!page_token.empty()) out.append_after(out.read_token(page_token));
  out.condition_.sql += fmt::format(" ORDER BY {} LIMIT ?", order_sql);
  out.condition_.args.emplace_back(page_size.number() + 1);
  return out;
}

}  // namespace modelops::query
