#pragma once
// Keyset paging. A request struct has four members of these names:
//
//   query::PageSize page_size = query::default_page_size();
//   std::string page_token;
//   std::string filter;
//   std::string order_by;      // "name", "created_at desc", "state, created_at desc"
//
// and an answer struct two: `std::vector<Row> items; std::optional<std::string> next_page_token;`. A store then does
//
//   const query::Keyset keyset = query::plan(fields, request);
//   auto rows = tx.all_with<Row>("SELECT … FROM models m WHERE m.org_id = ? AND " + keyset.sql(), keyset.args(org_id));
//   return query::page<ListModelsAnswer>(keyset, std::move(rows));
#include "platform/query/filter.hpp"

namespace modelops::query {

using PageSize = reflect::Ranged<1, 1000>;
inline PageSize default_page_size() { return PageSize::of<50>(); }

inline constexpr std::size_t order_columns_max = 2;
inline constexpr std::size_t page_token_bytes_max = 8192;

struct SortKey {
  std::string_view name;
  std::string column;
  FieldType type = FieldType::text;
  bool descending = false;
};

/// One page of a list: its SQL, and how to go on after its last row.
class Keyset {
 public:
  /// "<filter> AND <after the token> ORDER BY … LIMIT ?", to stand after "WHERE … AND ". One row more than the page
  /// has is read, to learn whether there is a next page.
  const std::string& sql() const { return condition_.sql; }
  /// The arguments of the whole statement: `first` for what stands before `sql()`.
  template <class... A>
  std::vector<reflect::SqlValue> args(const A&... first) const {
    std::vector<reflect::SqlValue> out{reflect::to_sql(first)...};
    out.insert(out.end(), condition_.args.begin(), condition_.args.end());
    return out;
  }
  /// The columns that order the list; the last one is unique (the id).
  const std::vector<SortKey>& keys() const { return keys_; }
  std::size_t page_size() const { return page_size_; }
  /// The token of the page after the row with these values of `keys()`.
  std::string next_token(const std::vector<reflect::SqlValue>& last) const;

 private:
  friend Keyset plan(const FieldTable&, std::string_view, std::string_view, std::string_view, PageSize,
                     std::string_view);
  std::vector<reflect::SqlValue> read_token(std::string_view token) const;
  void append_after(const std::vector<reflect::SqlValue>& last);

  SqlFragment condition_;
  std::vector<SortKey> keys_;
  std::string order_;   // canonical: "created_at desc, id desc"
  std::string filter_;  // a hash
  std::size_t page_size_ = 0;
};

/// Throws Error(invalid) for a filter or order that is refused, and for a token of another query. `org_id`: see
/// `filter_sql`; it matters to lists with tags only.
Keyset plan(const FieldTable& table, std::string_view filter, std::string_view order_by, std::string_view page_token,
            PageSize page_size, std::string_view org_id = {});

template <class Request>
Keyset plan(const FieldTable& table, const Request& request, std::string_view org_id = {}) {
  return plan(table, request.filter, request.order_by, request.page_token, request.page_size, org_id);
}

/// The member of a described row that has this wire name.
template <reflect::Described Row>
reflect::SqlValue member_value(const Row& row, std::string_view name) {
  reflect::SqlValue out = nullptr;
  reflect::visit_members(row, [&](std::string_view member_name, const auto& member) {
    if (member_name == name) out = reflect::to_sql(member);
  });
  return out;
}

/// Makes the answer of the rows that the statement gave. `value_of(row, name)` is the SqlValue of a sort key.
template <class Answer, class Row, class ValueOf>
Answer page(const Keyset& keyset, std::vector<Row> rows, ValueOf value_of) {
  Answer answer;
  if (rows.size() > keyset.page_size()) {
    rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(keyset.page_size()), rows.end());
    std::vector<reflect::SqlValue> last;
    for (const SortKey& key : keyset.keys()) last.push_back(value_of(rows.back(), key.name));
    answer.next_page_token = keyset.next_token(last);
  }
  answer.items = std::move(rows);
  return answer;
}
/// The same where the rows have members of the sort keys' names, and `id`.
template <class Answer, class Row>
Answer page(const Keyset& keyset, std::vector<Row> rows) {
  return page<Answer>(keyset, std::move(rows),
                      [](const Row& row, std::string_view name) { return member_value(row, name); });
}

}  // namespace modelops::query
