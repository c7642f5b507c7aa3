#include "platform/config/document.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <optional>
#include <sstream>

#include "base/error.hpp"
#include "base/text.hpp"

namespace modelops::config {
namespace {

/// Builds the tree from events: the library's own tree has its aliases already resolved.
class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(std::string_view file_name) : file_name_(file_name) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (std::exchange(started_, true)) refuse(mark, "one document is enough; remove the second '---'");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    check(mark, "", anchor);
    if (expects_key()) refuse(mark, "a key must be a text");
    place(key_ ? key_mark_ : mark, {});  // the mark of nothing is that of the next thing
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse(mark, "aliases (*name) are not allowed"); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    check(mark, tag, anchor);
    if (!expects_key()) {
      place(mark, {.kind = Value::Kind::text, .text = text});
      return;
    }
    if (open_.back()->find(text) != nullptr) refuse(mark, "a key is given twice");
    key_ = text;
    key_mark_ = mark;
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Value::Kind::list);
  }
  void OnSequenceEnd() override { open_.pop_back(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Value::Kind::map);
  }
  void OnMapEnd() override { open_.pop_back(); }

  const Value& root() const { return root_; }

  [[noreturn]] void refuse(const YAML::Mark& mark, std::string_view why) const {
    fail(ErrorCode::invalid, fmt::format("The configuration file {} is refused at line {}, column {}: {}.", file_name_,
                                         mark.line + 1, mark.column + 1, why));
  }

 private:
  bool expects_key() const { return !open_.empty() && open_.back()->kind == Value::Kind::map && !key_; }

  void check(const YAML::Mark& mark, std::string_view tag, YAML::anchor_t anchor) const {
    if (anchor != YAML::NullAnchor) refuse(mark, "anchors (&name) are not allowed");
    if (!tag.empty() && tag != "?" && tag != "!") refuse(mark, "tags (!name) are not allowed");  // ? plain, ! quoted
  }

  Value& place(const YAML::Mark& mark, Value value) {
    value.origin = fmt::format("line {} of {}", mark.line + 1, file_name_);
    if (open_.empty()) return root_ = value;
    Value& parent = *open_.back();
    if (parent.kind == Value::Kind::list) return parent.items.emplace_back(value);
    Value& placed = parent.members.emplace_back(std::move(*key_), value).second;
    key_.reset();
    return placed;
  }

  // A parent does not grow while a child is open, so the addresses on the stack stay good.
  void open(const YAML::Mark& mark, std::string_view tag, YAML::anchor_t anchor, Value::Kind kind) {
    check(mark, tag, anchor);
    if (expects_key()) refuse(mark, "a key must be a text");
    if (open_.size() >= document_depth_max) refuse(mark, "it is nested too deeply");
    open_.push_back(&place(mark, {.kind = kind}));
  }

  std::string file_name_;
  Value root_;
  std::vector<Value*> open_;
  std::optional<std::string> key_;
  YAML::Mark key_mark_;
  bool started_ = false;
};

}  // namespace

void wipe(std::string& text) noexcept {
  volatile char* bytes = text.data();
  for (std::size_t i = 0; i < text.size(); ++i) bytes[i] = 0;
  text.clear();
}

Value* Value::find(std::string_view key) {
  for (auto& [name, value] : members)
    if (name == key) return &value;
  return nullptr;
}

Value& Value::member(std::string_view key) {
  if (Value* found = find(key)) return *found;
  return members.emplace_back(std::string(key), Value{}).second;
}

Value parse_document(std::string_view yaml, std::string_view file_name) {
  if (yaml.size() > document_bytes_max || !is_utf8(yaml))
    fail(ErrorCode::invalid,
         fmt::format("The configuration file {} is refused: it must be UTF-8 text of at most {} bytes.", file_name,
                     document_bytes_max));
  Builder builder(file_name);
  try {
    std::istringstream stream{std::string(yaml)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {}
  } catch (const YAML::Exception& error) {
    const std::string& why = error.msg;
    builder.refuse(error.mark, why.substr(0, why.find(": ")));  // what follows is of the file
  }
  Value root = builder.root();
  if (root.kind == Value::Kind::null) root.kind = Value::Kind::map;
  if (root.kind != Value::Kind::map) builder.refuse(YAML::Mark(), "it must be a mapping of sections");
  return root;
}

}  // namespace modelops::config
