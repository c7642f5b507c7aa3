#include "platform/query/filter.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace modelops::query {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_word(char c) { return is_word_start(c) || is_digit(c); }
bool is_tag_key(char c) { return is_word(c) || c == '.' || c == '/' || c == '-'; }

struct Token {
  enum class Kind { word, name, tag, string, integer, decimal, symbol, end };
  Kind kind = Kind::end;
  std::string text;    ///< of a word or number; of a string or key without its quotes
  std::size_t at = 0;  ///< byte offset
};
using Kind = Token::Kind;

class Parser {
 public:
  Parser(const FieldTable& table, std::string_view text) : table_(table), text_(text) {
    if (text.size() > filter_bytes_max) refuse_whole(fmt::format("is longer than {} bytes", filter_bytes_max));
    if (!is_utf8(text)) refuse_whole("is not UTF-8");
    for (const char c : text)
      if ((static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
        refuse_whole("holds a control character");
  }

  Filter parse() {
    advance();
    if (token_.kind == Kind::end) return {};
    Filter filter = any(0);
    if (token_.kind != Kind::end) expected("AND, OR or the end");
    return filter;
  }

 private:
  // ------------------------------------------------------------------------------------------------ tokens

  char peek(std::size_t ahead = 0) const { return next_ + ahead < text_.size() ? text_[next_ + ahead] : '\0'; }

  template <class Accepts>
  std::string take_while(Accepts accepts) {
    const std::size_t from = next_;
    while (next_ < text_.size() && accepts(text_[next_])) ++next_;
    return std::string(text_.substr(from, next_ - from));
  }

  /// A quoted text. The next character is its quote.
  std::string take_quoted() {
    const std::size_t from = next_;
    const char quote = text_[next_++];
    std::string out;
    while (next_ < text_.size()) {
      const char c = text_[next_++];
      if (c == '\\' && (peek() == quote || peek() == '\\')) {
        out += text_[next_++];
      } else if (c != quote) {
        out += c;
      } else if (peek() == quote) {
        out += text_[next_++];
      } else {
        return out;
      }
    }
    refuse(from, fmt::format("this {} is never closed", quote));
  }

  void advance() {
    take_while([](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; });
    token_ = {Kind::end, {}, next_};
    if (next_ == text_.size()) return;
    const char c = peek();
    if (c == '\'' || c == '"') {
      token_.kind = Kind::string;
      token_.text = take_quoted();
    } else if (c == '`') {
      token_.kind = Kind::name;
      token_.text = take_quoted();
    } else if (is_word_start(c)) {
      token_.kind = Kind::word;
      token_.text = take_while(is_word);
      if (token_.text == "tags" && peek() == '.') take_tag();
    } else if (is_digit(c) || (c == '-' && is_digit(peek(1)))) {
      take_number();
    } else {
      token_.kind = Kind::symbol;
      token_.text = c;
      ++next_;
      if ((c == '<' || c == '>' || c == '!') && peek() == '=') token_.text += text_[next_++];
      constexpr std::array symbols = {"=", "!=", "<", "<=", ">", ">=", "(", ")", ","};
      if (std::ranges::find(symbols, token_.text) == symbols.end())
        expected("a field, a value, an operator or a parenthesis");
    }
  }

  void take_tag() {
    ++next_;
    token_.kind = Kind::tag;
    const char c = peek();
    token_.text = c == '"' || c == '`' || c == '\'' ? take_quoted() : take_while(is_tag_key);
    if (token_.text.empty()) refuse(next_, "expected the key of a tag after 'tags.'");
  }

  void take_number() {
    token_.kind = Kind::integer;
    if (peek() == '-') ++next_, token_.text = '-';
    token_.text += take_while(is_digit);
    if (peek() == '.' && is_digit(peek(1))) {
      ++next_;
      token_.kind = Kind::decimal;
      token_.text += '.' + take_while(is_digit);
    }
    if (peek() == 'e' || peek() == 'E') {
      const std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
      if (is_digit(peek(1 + sign))) {
        token_.kind = Kind::decimal;
        token_.text += 'e';
        if (peek(1) == '-') token_.text += '-';
        next_ += 1 + sign;
        token_.text += take_while(is_digit);
      }
    }
    if (is_word(peek()) || peek() == '.') refuse(token_.at, "expected a number");
  }

  bool is_keyword(std::string_view keyword) const {
    return token_.kind == Kind::word && to_lower_ascii(token_.text) == keyword;
  }
  bool take_keyword(std::string_view keyword) {
    if (!is_keyword(keyword)) return false;
    advance();
    return true;
  }
  bool is_symbol(std::string_view symbol) const { return token_.kind == Kind::symbol && token_.text == symbol; }
  bool take_symbol(std::string_view symbol) {
    if (!is_symbol(symbol)) return false;
    advance();
    return true;
  }

  // ------------------------------------------------------------------------------------------------ grammar

  Filter any(int depth) {
    return joined("or", Filter::Kind::any_of, [&] { return all(depth); });
  }
  Filter all(int depth) {
    return joined("and", Filter::Kind::all_of, [&] { return negatable(depth); });
  }

  template <class Part>
  Filter joined(std::string_view keyword, Filter::Kind kind, Part part) {
    Filter first = part();
    if (!is_keyword(keyword)) return first;
    Filter out{.kind = kind};
    out.children.push_back(std::move(first));
    while (take_keyword(keyword)) out.children.push_back(part());
    return out;
  }

  Filter negatable(int depth) {
    if (depth > filter_depth_max)
      refuse(token_.at, fmt::format("parentheses and NOT may be nested {} deep", filter_depth_max));
    if (take_keyword("not")) return negation(negatable(depth + 1));
    if (!take_symbol("(")) return comparison();
    Filter inner = any(depth + 1);
    if (!take_symbol(")")) expected("AND, OR or ')'");
    return inner;
  }

  static Filter negation(Filter filter) {
    Filter out{.kind = Filter::Kind::negation};
    out.children.push_back(std::move(filter));
    return out;
  }

  Filter comparison() {
    Filter out{.kind = Filter::Kind::comparison};
    Comparison& made = out.comparison;
    if (token_.kind == Kind::tag && table_.tags) {
      made.tag_key = token_.text;
    } else {
      if (token_.kind == Kind::word || token_.kind == Kind::name) made.field = table_.find(token_.text);
      if (made.field == nullptr) expected("NOT, '(' or a known field");
    }
    advance();

    const std::size_t at = token_.at;
    bool negated = take_keyword("not");
    if (take_keyword("like")) {
      if (made.field != nullptr && made.field->folded.empty())
        refuse(at, fmt::format("'{}' cannot be matched with LIKE", made.field->name));
      made.op = Operator::like;
      add_pattern(made);
    } else if (take_keyword("in")) {
      made.op = Operator::in;
      if (!take_symbol("(")) expected("'(' and the values of IN");
      do add_value(made);
      while (take_symbol(","));
      if (!take_symbol(")")) expected("',' or ')'");
    } else {
      if (negated) expected("LIKE or IN");
      negated = is_symbol("!=");
      made.op = ordering(made);
      add_value(made);
    }
    return negated ? negation(std::move(out)) : out;
  }

  Operator ordering(const Comparison& made) {
    constexpr std::array<std::pair<std::string_view, Operator>, 6> operators = {{{"=", Operator::equal},
                                                                                 {"!=", Operator::equal},
                                                                                 {"<", Operator::less},
                                                                                 {"<=", Operator::less_equal},
                                                                                 {">", Operator::greater},
                                                                                 {">=", Operator::greater_equal}}};
    for (const auto& [symbol, op] : operators) {
      if (!is_symbol(symbol)) continue;
      if (op != Operator::equal && made.field != nullptr &&
          (made.field->type == FieldType::boolean || made.field->type == FieldType::enumeration))
        refuse(token_.at, fmt::format("'{}' has no order; use =, != or IN", made.field->name));
      advance();
      return op;
    }
    expected("=, !=, <, <=, >, >=, LIKE or IN");
  }

  void count_term() {
    if (++terms_ > filter_terms_max)
      refuse(token_.at, fmt::format("at most {} comparisons and values of IN are allowed", filter_terms_max));
  }

  void add_pattern(Comparison& made) {
    count_term();
    if (token_.kind != Kind::string) expected("a pattern in quotes");
    bool escaped = false;
    for (const char c : token_.text) escaped = c == '\\' && !escaped;
    if (escaped) refuse(token_.at, "a pattern must not end with a single backslash");
    made.values.emplace_back(to_lower_ascii(token_.text));
    advance();
  }

  void add_value(Comparison& made) {
    count_term();
    const bool is_string = token_.kind == Kind::string;
    switch (made.field == nullptr ? FieldType::text : made.field->type) {
      case FieldType::text:
        if (!is_string) expected("a text in quotes");
        made.values.emplace_back(token_.text);
        break;
      case FieldType::integer: {
        const auto number = token_.kind == Kind::integer ? parse_int(token_.text) : std::nullopt;
        if (!number) expected("an integer of 64 bits");
        made.values.emplace_back(*number);
        break;
      }
      case FieldType::number: {
        const bool is_number = token_.kind == Kind::integer || token_.kind == Kind::decimal;
        const auto number = is_number ? reflect::parse_number_text(token_.text) : std::nullopt;
        if (!number) expected("a number");
        made.values.emplace_back(*number);
        break;
      }
      case FieldType::boolean:
        if (!is_keyword("true") && !is_keyword("false")) expected("true or false");
        made.values.emplace_back(std::int64_t{is_keyword("true")});
        break;
      case FieldType::time: {
        const auto time = is_string ? parse_rfc3339(token_.text) : std::nullopt;
        if (!time) expected("a time such as '2026-11-23T19:55:20Z' (RFC 3339)");
        made.values.emplace_back(time->us);
        break;
      }
      case FieldType::enumeration:
        if (!is_string || std::ranges::find(made.field->names, token_.text) == made.field->names.end())
          expected(fmt::format("one of '{}'", fmt::join(made.field->names, "', '")));
        made.values.emplace_back(token_.text);
        break;
    }
    advance();
  }

  // ------------------------------------------------------------------------------------------------ errors

  [[noreturn]] void expected(std::string_view what) const { refuse(token_.at, fmt::format("expected {}", what)); }

  [[noreturn]] void refuse(std::size_t at, std::string_view why) const {
    // A character is counted at its first byte.
    const auto column = 1 + std::ranges::count_if(text_.substr(0, at), [](char c) { return (c & 0xC0) != 0x80; });
    refuse_whole(fmt::format("is refused at column {}: {}", column, why));
  }

  [[noreturn]] void refuse_whole(std::string_view why) const {
    std::string known;
    for (const Field& field : table_.fields) known += fmt::format("{}{}", known.empty() ? "" : ", ", field.name);
    if (table_.tags) known += known.empty() ? "tags.<key>" : ", tags.<key>";
    throw Error(ErrorCode::invalid, fmt::format("The filter {}. Known fields: {}.", why, known), {},
                {{"/filter", std::string(why)}});
  }

  const FieldTable& table_;
  std::string_view text_;
  std::size_t next_ = 0;
  Token token_;
  int terms_ = 0;
};

// ---------------------------------------------------------------------------------------------------- SQL

std::string_view operator_sql(Operator op) {
  switch (op) {
    case Operator::equal: return "= ?";
    case Operator::less: return "< ?";
    case Operator::less_equal: return "<= ?";
    case Operator::greater: return "> ?";
    case Operator::greater_equal: return ">= ?";
    case Operator::like: return R"(LIKE ? ESCAPE '\')";
    case Operator::in: return "IN (?";
  }
  return {};
}

void append_comparison(const FieldTable& table, const Comparison& comparison, std::string_view org_id,
                       SqlFragment& out) {
  std::string condition(operator_sql(comparison.op));
  if (comparison.op == Operator::in) {
    for (std::size_t i = 1; i < comparison.values.size(); ++i) condition += ", ?";
    condition += ')';
  }
  const bool like = comparison.op == Operator::like;
  if (const Field* field = comparison.field) {
    const std::string_view column = like ? field->folded : field->column;
    out.sql += field->nullable ? fmt::format("({0} IS NOT NULL AND {0} {1})", column, condition)
                               : fmt::format("{} {}", column, condition);
  } else {
    // lower() folds ASCII only in both databases: in SQLite always, in PostgreSQL under COLLATE "C".
    const std::string_view value = like ? "lower(filter_tag.value)" : "filter_tag.value";
    if (org_id.empty()) {
      out.sql += fmt::format(
          "EXISTS (SELECT 1 FROM {0} filter_tag WHERE filter_tag.org_id = {2}.org_id AND filter_tag.{1} = {2}.id AND "
          "filter_tag.key = ? AND {3} {4})",
          table.tags->table, table.tags->owner, table.alias, value, condition);
    } else {
      out.sql += fmt::format(
          "{2}.id IN (SELECT filter_tag.{1} FROM {0} filter_tag WHERE filter_tag.org_id = ? AND filter_tag.key = ? AND "
          "{3} {4})",
          table.tags->table, table.tags->owner, table.alias, value, condition);
      out.args.emplace_back(std::string(org_id));
    }
    out.args.emplace_back(comparison.tag_key);
  }
  out.args.insert(out.args.end(), comparison.values.begin(), comparison.values.end());
}

void append_filter(const FieldTable& table, const Filter& filter, std::string_view org_id, SqlFragment& out) {
  if (filter.kind == Filter::Kind::comparison) return append_comparison(table, filter.comparison, org_id, out);
  if (filter.children.empty()) {
    out.sql += "1 = 1";
    return;
  }
  if (filter.kind == Filter::Kind::negation) out.sql += "NOT ";
  out.sql += '(';
  bool first = true;
  for (const Filter& child : filter.children) {
    if (!std::exchange(first, false)) out.sql += filter.kind == Filter::Kind::any_of ? " OR " : " AND ";
    append_filter(table, child, org_id, out);
  }
  out.sql += ')';
}

}  // namespace

Filter parse_filter(const FieldTable& table, std::string_view text) { return Parser(table, text).parse(); }

SqlFragment filter_sql(const FieldTable& table, const Filter& filter, std::string_view org_id) {
  SqlFragment out;
  append_filter(table, filter, org_id, out);
  return out;
}

}  // namespace modelops::query
