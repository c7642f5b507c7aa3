#include "audit/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/error.hpp"
#include "base/text.hpp"

namespace modelops::audit {
namespace {

namespace json = boost::json;

constexpr std::string_view format_name = "modelops-audit-v1";
constexpr std::size_t problems_max = 100;
constexpr std::size_t message_bytes_max = 500;

std::string line_of(const json::object& object) {
  std::string line = json::serialize(object) + "\n";
  if (line.size() > export_line_bytes_max)
    fail(ErrorCode::internal, "an audit record is too large to be exported", "a line would exceed the limit");
  return line;
}

/// What is wrong with the line that is being read.
struct BadLine {
  std::string message;
};

[[noreturn]] void refuse(std::string message) { throw BadLine{std::move(message)}; }

/// One line's object. Every member must be asked for: one that nobody knows would be shown to people as if it were
/// covered by the proofs. Throws BadLine.
class Fields {
 public:
  explicit Fields(const json::object& object) : object_(object) {}

  bool has(std::string_view name) const { return object_.contains(name); }
  std::string text(std::string_view name) {
    const json::string* value = take(name).if_string();
    if (!value) refuse(fmt::format("'{}' must be a text", name));
    return std::string(value->data(), value->size());
  }
  std::uint64_t number(std::string_view name) {
    const json::value& value = take(name);
    if (value.is_uint64()) return value.get_uint64();
    if (value.is_int64() && value.get_int64() >= 0) return static_cast<std::uint64_t>(value.get_int64());
    refuse(fmt::format("'{}' must be a whole number", name));
  }
  std::string base64(std::string_view name) {
    auto bytes = from_base64(text(name));
    if (!bytes) refuse(fmt::format("'{}' is not base64", name));
    return std::move(*bytes);
  }
  std::string base64(std::string_view name, std::size_t size) {
    std::string bytes = base64(name);
    if (bytes.size() != size) refuse(fmt::format("'{}' must have {} bytes", name, size));
    return bytes;
  }
  const json::array& array(std::string_view name) {
    const json::array* value = take(name).if_array();
    if (!value) refuse(fmt::format("'{}' must be a list", name));
    return *value;
  }
  const json::value& take(std::string_view name) {
    const json::value* value = object_.if_contains(name);
    if (!value) refuse(fmt::format("'{}' is missing", name));
    taken_.push_back(name);
    return *value;
  }
  void require_all_taken() const {
    for (const auto& member : object_)
      if (std::find(taken_.begin(), taken_.end(), std::string_view(member.key())) == taken_.end())
        refuse(fmt::format("'{}' is not known", std::string_view(member.key())));
  }

 private:
  const json::object& object_;
  std::vector<std::string_view> taken_;
};

std::optional<Salted> salted(Fields& fields, const char* text, const char* salt) {
  if (!fields.has(text) && !fields.has(salt)) return std::nullopt;
  return Salted{fields.text(text), fields.base64(salt, 32)};
}

class Verifier {
 public:
  explicit Verifier(const VerifyOptions& options) : options_(options), keys_(options.trusted_keys) {
    report_.keys_from_export = keys_.empty();
  }

  VerifyReport run(std::istream& lines) {
    check_expected();
    std::vector<char> buffer(export_line_bytes_max + 1);
    for (bool more = true; more && !given_up_;) {
      lines.getline(buffer.data(), static_cast<std::streamsize>(buffer.size()));
      auto size = static_cast<std::size_t>(lines.gcount());
      if (lines.eof()) {
        more = false;
        if (size == 0) break;  // the line before ended with a line feed
      } else if (lines.good()) {
        --size;  // the line feed is counted but not kept
      }
      ++line_;
      index_.reset();
      record_id_.clear();
      if (!more || lines.good()) {
        read_line({buffer.data(), size});
      } else {
        problem(fmt::format("the line is longer than {} bytes, or cannot be read", export_line_bytes_max));
        given_up_ = true;
      }
    }
    finish();
    return std::move(report_);
  }

 private:
  void problem(std::string_view message) {
    if (report_.problems.size() == problems_max) {
      given_up_ = true;
      return;
    }
    report_.problems.push_back({line_, index_, display_text(record_id_), display_text(message, message_bytes_max)});
  }

  void read_line(std::string_view line) {
    try {
      if (ended_) refuse("nothing may follow the end");
      json::parse_options limits;
      limits.max_depth = 4;
      json::error_code error;
      const json::value value = json::parse(json::string_view(line.data(), line.size()), error, {}, limits);
      if (error || !value.is_object()) refuse("the line is not a JSON object");
      Fields fields(value.get_object());
      if (line_ == 1)
        read_header(fields);
      else if (fields.has("index"))
        read_record(fields);
      else if (fields.has("root_hash"))
        read_head(fields);
      else if (fields.has("end"))
        read_end(fields);
      else
        refuse("the line is neither a record, nor a head, nor the end");
      fields.require_all_taken();
    } catch (const BadLine& bad) {
      problem(bad.message);
      // A record that cannot be counted makes all that follows wrong too; saying so once is enough.
      if (line_ == 1 || lost_record_) given_up_ = true;
    }
  }

  void read_header(Fields& fields) {
    if (fields.text("format") != format_name) refuse(fmt::format("this is not an export of format {}", format_name));
    organisation_ = fields.text("organisation");
    report_.organisation = display_text(organisation_);
    for (const json::value& item : fields.array("keys")) {
      if (!item.is_object()) refuse("'keys' must list objects");
      Fields key(item.get_object());
      const std::string id = key.text("key_id");
      const std::string public_key = key.base64("public_key", 32);
      key.require_all_taken();
      if (report_.keys_from_export) keys_.emplace(id, public_key);
    }
    if (options_.expected && options_.expected->organisation != organisation_)
      problem("the expected head belongs to another organisation");
  }

  void read_record(Fields& fields) {
    lost_record_ = true;  // until it is in the tree
    index_ = fields.number("index");
    record_id_ = fields.text("record");
    const std::string bytes = fields.base64("leaf");
    if (*index_ != tree_.size())
      refuse(
          fmt::format("record {} stands where {} belongs: records are missing or out of order", *index_, tree_.size()));
    tree_.append(leaf_hash(bytes));
    ++report_.records;
    lost_record_ = false;
    check_expected();

    const std::optional<Leaf> leaf = decode_leaf(bytes);
    const std::optional<Salted> payload = salted(fields, "payload", "salt");
    const std::optional<Salted> personal = salted(fields, "personal", "personal_salt");
    if (!leaf) refuse("the leaf is malformed");
    if (leaf->record_id != record_id_) refuse("the leaf is that of another record");
    if (leaf->organisation != organisation_) refuse("the leaf is that of another organisation");
    if (!payload)
      ++report_.payloads_erased;
    else if (salted_hash(payload->salt, payload->text) != leaf->payload_hash)
      refuse("the payload was changed");
    if (personal && !leaf->personal_hash) refuse("the record has no personal fields, but some are given");
    if (!personal && leaf->personal_hash)
      ++report_.personal_erased;
    else if (personal && salted_hash(personal->salt, personal->text) != *leaf->personal_hash)
      refuse("the personal fields were changed");
  }

  void read_head(Fields& fields) {
    SignedTreeHead signed_head;
    TreeHead& head = signed_head.head;
    head.organisation = organisation_;
    head.tree_size = fields.number("tree_size");
    const auto root = from_hex(fields.text("root_hash"));
    if (!root) refuse("'root_hash' is not hexadecimal");
    head.root_hash = *root;
    const auto time = parse_rfc3339(fields.text("time"));
    if (!time) refuse("'time' is not an RFC 3339 time");
    head.time = *time;
    head.key_id = fields.text("key_id");
    signed_head.signature = fields.base64("signature");

    const auto key = keys_.find(head.key_id);
    if (key == keys_.end()) refuse(fmt::format("the head is signed with key '{}', which is not trusted", head.key_id));
    if (!verify_head(signed_head, key->second)) refuse("the signature of the head is wrong");
    if (head.tree_size != tree_.size())
      refuse(fmt::format("the head is of {} records, but stands after {}: records are missing or were added",
                         head.tree_size, tree_.size()));
    if (head.root_hash != tree_.root())
      refuse(fmt::format("the records up to here are not those that were signed: one from index {} on was changed",
                         signed_size_.value_or(0)));
    if (head.time < last_head_time_) refuse("the head is older than the one before it");
    last_head_time_ = head.time;
    signed_size_ = tree_.size();
    ++report_.heads;
  }

  void read_end(Fields& fields) {
    ended_ = true;
    if (const json::value& end = fields.take("end"); !end.is_bool() || !end.get_bool()) refuse("'end' must be true");
    const std::uint64_t size = fields.number("tree_size");
    if (size != tree_.size())
      refuse(fmt::format("the end names {} records, but {} were read: records are missing", size, tree_.size()));
    if (signed_size_ != tree_.size()) refuse("no valid head covers all records");
  }

  void check_expected() {
    if (!options_.expected || options_.expected->tree_size != tree_.size()) return;
    expected_seen_ = true;
    if (options_.expected->root_hash != tree_.root())
      problem(fmt::format("the first {} records are not those of the expected head: one was changed", tree_.size()));
  }

  void finish() {
    index_.reset();
    record_id_.clear();
    if (!given_up_) {
      if (line_ == 0)
        problem("the export is empty");
      else if (!ended_)
        problem("the export is cut off: its end is missing");
      if (options_.expected && !expected_seen_)
        problem(fmt::format("the export is cut off: it has {} records, the expected head {}", tree_.size(),
                            options_.expected->tree_size));
    }
    report_.root_hash = to_hex(tree_.root());
    report_.ok = report_.problems.empty();
  }

  const VerifyOptions& options_;
  std::map<std::string, std::string> keys_;
  VerifyReport report_;
  std::string organisation_;
  Frontier tree_;
  std::uint64_t line_ = 0;
  std::optional<std::uint64_t> index_;  ///< of the record on this line
  std::string record_id_;
  std::optional<std::uint64_t> signed_size_;  ///< the tree size of the last valid head
  Time last_head_time_;
  bool lost_record_ = false;
  bool expected_seen_ = false;
  bool ended_ = false;
  bool given_up_ = false;
};

}  // namespace

std::string export_header(const std::string& organisation, const std::map<std::string, std::string>& public_keys) {
  json::array keys;
  for (const auto& [id, key] : public_keys)
    keys.push_back(json::object{{"key_id", id}, {"public_key", to_base64(key)}});
  return line_of({{"format", format_name}, {"organisation", organisation}, {"keys", std::move(keys)}});
}

std::string export_record(std::uint64_t index, const ExportedRecord& record) {
  json::object line{{"index", index}, {"record", record.leaf.record_id}, {"leaf", to_base64(encode_leaf(record.leaf))}};
  if (record.payload) {
    line["payload"] = record.payload->text;
    line["salt"] = to_base64(record.payload->salt);
  }
  if (record.personal) {
    line["personal"] = record.personal->text;
    line["personal_salt"] = to_base64(record.personal->salt);
  }
  return line_of(line);
}

std::string export_head(const SignedTreeHead& head) {
  return line_of({{"tree_size", head.head.tree_size},
                  {"root_hash", to_hex(head.head.root_hash)},
                  {"time", format_rfc3339(head.head.time)},
                  {"key_id", head.head.key_id},
                  {"signature", to_base64(head.signature)}});
}

std::string export_end(std::uint64_t tree_size) { return line_of({{"end", true}, {"tree_size", tree_size}}); }

VerifyReport verify_export(std::istream& lines, const VerifyOptions& options) { return Verifier(options).run(lines); }

}  // namespace modelops::audit
