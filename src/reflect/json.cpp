#include "reflect/json.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "base/text.hpp"

namespace modelops::reflect {

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t from = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) continue;
    out += text.substr(from, i - from);
    from = i + 1;
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default: fmt::format_to(std::back_inserter(out), "\\u{:04x}", c);
    }
  }
  out += text.substr(from);
  out += '"';
}

void append_json_value(std::string& out, const boost::json::value& value) { out += boost::json::serialize(value); }

void append_json_number(std::string& out, double number) {
  if (std::isfinite(number))
    fmt::format_to(std::back_inserter(out), "{}", number);
  else
    out += "null";  // JSON has no infinity
}

std::optional<std::int64_t> parse_integer_text(std::string_view text) { return parse_int(text); }

std::optional<double> parse_number_text(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

void Decoding::violation_at(std::string pointer, std::string message) {
  if (++total_ <= limits_.violations_max) violations_.push_back({std::move(pointer), std::move(message)});
}

std::string Decoding::pointer() const {
  std::string out;
  for (const std::string& token : path_) {
    out += '/';
    for (const char c : token) {
      if (c == '~')
        out += "~0";
      else if (c == '/')
        out += "~1";
      else
        out += c;
    }
  }
  return out;
}

void Decoding::finish(std::string_view what) const {
  if (ok()) return;
  const Violation& first = violations_.front();
  std::string message = fmt::format("{} is refused: {} {}", what,
                                    first.pointer.empty() ? "it" : display_text(first.pointer), first.message);
  if (total_ > 1) message += fmt::format(" (and {} more)", total_ - 1);
  throw Error(ErrorCode::unprocessable, std::move(message), {}, violations_);
}

namespace {

/// Turns the parser's events into calls of the sink on top of a stack.
class EventHandler {
 public:
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = 1 << 16;
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  EventHandler(Decoding& decoding, Sink& root) : decoding_(decoding), root_(&root) {}

  using error_code = boost::json::error_code;
  using string_view = boost::json::string_view;

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return open(true); }
  bool on_object_end(std::size_t, error_code&) { return close(); }
  bool on_array_begin(error_code&) { return open(false); }
  bool on_array_end(std::size_t, error_code&) { return close(); }
  bool on_key_part(string_view part, std::size_t, error_code&) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool on_key(string_view part, std::size_t, error_code&) {
    text_.append(part.data(), part.size());
    key_ = std::move(text_);
    text_.clear();
    return true;
  }
  bool on_string_part(string_view part, std::size_t, error_code&) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool on_string(string_view part, std::size_t, error_code&) {
    if (text_.empty()) return scalar([&](Sink& s) { s.on_string(decoding_, {part.data(), part.size()}); });
    text_.append(part.data(), part.size());
    const std::string whole = std::move(text_);
    text_.clear();
    return scalar([&](Sink& s) { s.on_string(decoding_, whole); });
  }
  // The whole text is at hand (`write_some` is called once), so a number comes in one part.
  bool on_number_part(string_view, error_code&) { return true; }
  bool on_int64(std::int64_t v, string_view, error_code&) {
    return scalar([&](Sink& s) { s.on_int(decoding_, v); });
  }
  bool on_uint64(std::uint64_t v, string_view, error_code&) {
    return scalar([&](Sink& s) { s.on_uint(decoding_, v); });
  }
  bool on_double(double v, string_view text, error_code&) {
    // Boost's `v` is off by a unit in the last place for long decimals: what is stored would drift with each reading.
    const double exact = parse_number_text({text.data(), text.size()}).value_or(v);
    return scalar([&](Sink& s) { s.on_double(decoding_, exact); });
  }
  bool on_bool(bool v, error_code&) {
    return scalar([&](Sink& s) { s.on_bool(decoding_, v); });
  }
  bool on_null(error_code&) {
    return scalar([&](Sink& s) { s.on_null(decoding_); });
  }
  bool on_comment_part(string_view, error_code&) { return true; }
  bool on_comment(string_view, error_code&) { return true; }

 private:
  struct Frame {
    Sink* sink;  // null: skipped
    bool is_object;
    std::size_t index = 0;
  };

  /// The sink of the value that begins now, with its place pushed on the path.
  Sink* next() {
    if (frames_.empty()) return root_;
    Frame& frame = frames_.back();
    if (frame.sink == nullptr) return nullptr;
    if (frame.is_object) {
      decoding_.push(key_);
      return frame.sink->key(decoding_, key_);
    }
    decoding_.push(std::to_string(frame.index++));
    return frame.sink->element(decoding_);
  }
  void leave() {
    if (!frames_.empty() && frames_.back().sink != nullptr) decoding_.pop();
  }
  template <class F>
  bool scalar(F&& deliver) {
    if (Sink* sink = next()) deliver(*sink);
    leave();
    return true;
  }
  bool open(bool is_object) {
    Sink* sink = next();
    if (sink != nullptr && !(is_object ? sink->begin_object(decoding_) : sink->begin_array(decoding_))) sink = nullptr;
    frames_.push_back({sink, is_object});
    return true;
  }
  bool close() {
    const Frame frame = frames_.back();
    if (frame.sink != nullptr) frame.sink->end(decoding_);
    frames_.pop_back();
    leave();
    return true;
  }

  Decoding& decoding_;
  Sink* root_;
  std::vector<Frame> frames_;
  std::string key_;
  std::string text_;
};

}  // namespace

void parse_json(Decoding& decoding, Sink& root, std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = decoding.limits().depth_max;
  boost::json::basic_parser<EventHandler> parser(options, decoding, root);
  boost::json::error_code error;
  const std::size_t parsed = parser.write_some(false, text.data(), text.size(), error);
  if (!error && parsed < text.size()) error = boost::json::error::extra_data;
  if (!error) return;
  const std::string_view before = text.substr(0, std::min(parsed, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t column =
      before.size() - (before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1) + 1;
  fail(ErrorCode::invalid, fmt::format("This is not JSON: {} at line {}, column {}.", error.message(), line, column));
}

void replay(Decoding& decoding, Sink& sink, const boost::json::value& value) {
  switch (value.kind()) {
    case boost::json::kind::null: return sink.on_null(decoding);
    case boost::json::kind::bool_: return sink.on_bool(decoding, value.get_bool());
    case boost::json::kind::int64: return sink.on_int(decoding, value.get_int64());
    case boost::json::kind::uint64: return sink.on_uint(decoding, value.get_uint64());
    case boost::json::kind::double_: return sink.on_double(decoding, value.get_double());
    case boost::json::kind::string: return sink.on_string(decoding, std::string_view(value.get_string()));
    case boost::json::kind::array: {
      if (!sink.begin_array(decoding)) return;
      std::size_t index = 0;
      for (const boost::json::value& item : value.get_array()) {
        decoding.push(std::to_string(index++));
        if (Sink* element = sink.element(decoding)) replay(decoding, *element, item);
        decoding.pop();
      }
      return sink.end(decoding);
    }
    case boost::json::kind::object: {
      if (!sink.begin_object(decoding)) return;
      for (const auto& [key, item] : value.get_object()) {
        decoding.push(std::string_view(key));
        if (Sink* member = sink.key(decoding, std::string_view(key))) replay(decoding, *member, item);
        decoding.pop();
      }
      return sink.end(decoding);
    }
  }
}

boost::json::value parse_json_value(std::string_view text, JsonLimits limits) {
  Decoding decoding(limits);
  FreeSink sink;
  parse_json(decoding, sink, text);
  decoding.finish("The JSON document");
  return std::move(sink.value);
}

FreeSink::FreeSink() = default;
FreeSink::~FreeSink() = default;

void FreeSink::reset() {
  value = nullptr;
  pending_ = false;
}
void FreeSink::on_null(Decoding&) { value = nullptr; }
void FreeSink::on_bool(Decoding&, bool v) { value = v; }
void FreeSink::on_int(Decoding&, std::int64_t v) { value = v; }
void FreeSink::on_uint(Decoding&, std::uint64_t v) { value = v; }
void FreeSink::on_double(Decoding&, double v) { value = v; }
void FreeSink::on_string(Decoding&, std::string_view v) { value = boost::json::string(v); }
bool FreeSink::begin_object(Decoding&) {
  value.emplace_object();
  return true;
}
bool FreeSink::begin_array(Decoding&) {
  value.emplace_array();
  return true;
}

void FreeSink::adopt_child() {
  if (!std::exchange(pending_, false)) return;
  if (value.is_object())
    value.get_object()[child_key_] = std::move(child_->value);
  else
    value.get_array().push_back(std::move(child_->value));
}

Sink* FreeSink::key(Decoding& d, std::string_view name) {
  adopt_child();
  if (value.get_object().contains(name)) d.violation("is given twice");
  if (value.get_object().size() >= d.limits().elements_max) {
    d.violation("has too many members");
    return nullptr;
  }
  child_key_ = name;
  if (!child_) child_ = std::make_unique<FreeSink>();
  child_->reset();
  pending_ = true;
  return child_.get();
}

Sink* FreeSink::element(Decoding& d) {
  adopt_child();
  if (value.get_array().size() >= d.limits().elements_max) {
    d.violation("has too many elements");
    return nullptr;
  }
  if (!child_) child_ = std::make_unique<FreeSink>();
  child_->reset();
  pending_ = true;
  return child_.get();
}

void FreeSink::end(Decoding&) { adopt_child(); }

}  // namespace modelops::reflect
