#pragma once
// JSON both ways for described structs. Writing goes straight into a string. Reading is fed by
// boost::json::basic_parser, so that escapes, UTF-8 and depth are checked by the library and no tree is built
// for a typed body; every violation is collected with its JSON Pointer before anything is refused.
#include <fmt/format.h>

#include <boost/json/value.hpp>
#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "base/time.hpp"
#include "reflect/describe.hpp"
#include "reflect/json_write.hpp"
#include "reflect/values.hpp"

namespace modelops::reflect {

struct JsonLimits {
  std::size_t depth_max = 32;
  std::size_t elements_max = 100'000;  ///< of one array or object
  std::size_t violations_max = 50;     ///< more are counted, not listed
  bool unknown_keys_allowed = false;   ///< for what we stored ourselves, and answers of newer servers
};

/// The state of one decoding: where we are, and what was wrong.
class Decoding {
 public:
  explicit Decoding(JsonLimits limits = {}) : limits_(limits) {}
  void violation(std::string message) { violation_at(pointer(), std::move(message)); }
  void violation_at(std::string pointer, std::string message);
  void push(std::string_view token) { path_.emplace_back(token); }
  void pop() { path_.pop_back(); }
  std::string pointer() const;
  const JsonLimits& limits() const { return limits_; }
  bool ok() const { return total_ == 0; }
  std::size_t count() const { return total_; }
  /// Throws Error(code) listing the violations, when there are any.
  void finish(std::string_view what) const;

 private:
  JsonLimits limits_;
  std::vector<std::string> path_;
  std::vector<Violation> violations_;
  std::size_t total_ = 0;
};

/// Receives one JSON value. What it does not expect is a violation.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void reset() = 0;
  virtual std::string expected() const = 0;  ///< "must be …"
  virtual void on_null(Decoding& d) { refuse(d); }
  virtual void on_bool(Decoding& d, bool) { refuse(d); }
  virtual void on_int(Decoding& d, std::int64_t) { refuse(d); }
  virtual void on_uint(Decoding& d, std::uint64_t) { refuse(d); }
  virtual void on_double(Decoding& d, double) { refuse(d); }
  virtual void on_string(Decoding& d, std::string_view) { refuse(d); }
  virtual bool begin_object(Decoding& d) {
    refuse(d);
    return false;
  }  ///< false: the value is skipped
  virtual bool begin_array(Decoding& d) {
    refuse(d);
    return false;
  }
  virtual Sink* key(Decoding&, std::string_view) { return nullptr; }  ///< null: the value is skipped
  virtual Sink* element(Decoding&) { return nullptr; }
  virtual void end(Decoding&) {}
  /// A path or query parameter: text, whatever the type.
  virtual void on_text(Decoding& d, std::string_view text) { on_string(d, text); }

 protected:
  void refuse(Decoding& d) const { d.violation(expected()); }
};

/// Feeds a JSON text into `root`. Throws Error(invalid) with line and column when it is not JSON.
void parse_json(Decoding& decoding, Sink& root, std::string_view text);
/// Feeds a tree into `sink`.
void replay(Decoding& decoding, Sink& sink, const boost::json::value& value);
/// Free-form JSON, within limits. Throws Error(invalid).
boost::json::value parse_json_value(std::string_view text, JsonLimits limits = {});

/// Collects any JSON value.
class FreeSink : public Sink {
 public:
  FreeSink();
  ~FreeSink() override;
  void reset() override;
  std::string expected() const override { return "must be a JSON value"; }
  void on_null(Decoding& d) override;
  void on_bool(Decoding& d, bool v) override;
  void on_int(Decoding& d, std::int64_t v) override;
  void on_uint(Decoding& d, std::uint64_t v) override;
  void on_double(Decoding& d, double v) override;
  void on_string(Decoding& d, std::string_view v) override;
  bool begin_object(Decoding& d) override;
  bool begin_array(Decoding& d) override;
  Sink* key(Decoding& d, std::string_view name) override;
  Sink* element(Decoding& d) override;
  void end(Decoding& d) override;
  boost::json::value value;

 private:
  void adopt_child();
  std::unique_ptr<FreeSink> child_;
  std::string child_key_;
  bool pending_ = false;
};

/// The optional-per-member shadow of T: `valid` only when a value arrived and was accepted.
template <class T>
class Shadow;

namespace detail {

template <class T>
class ShadowBase : public Sink {
 public:
  void reset() override {
    valid = false;
    value = T{};
  }
  bool valid = false;
  T value{};
};

template <class T>
std::string enum_expectation() {
  std::string out = "must be one of";
  for (const std::string_view name : enum_names<T>()) {
    out += out.ends_with("of") ? " " : ", ";
    out += name;
  }
  return out;
}

}  // namespace detail

template <>
class Shadow<bool> : public detail::ShadowBase<bool> {
 public:
  std::string expected() const override { return "must be true or false"; }
  void on_bool(Decoding&, bool v) override { value = v, valid = true; }
  void on_text(Decoding& d, std::string_view v) override {
    if (v == "true" || v == "false")
      value = v == "true", valid = true;
    else
      refuse(d);
  }
};

template <>
class Shadow<std::string> : public detail::ShadowBase<std::string> {
 public:
  std::string expected() const override { return "must be a string"; }
  void on_string(Decoding&, std::string_view v) override { value = v, valid = true; }
};

template <class T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
class Shadow<T> : public detail::ShadowBase<T> {
 public:
  std::string expected() const override {
    if constexpr (sizeof(T) == 8)
      return "must be an integer";
    else
      return fmt::format("must be an integer from {} to {}", std::numeric_limits<T>::min(),
                         std::numeric_limits<T>::max());
  }
  void on_int(Decoding& d, std::int64_t v) override { take(d, v); }
  void on_uint(Decoding& d, std::uint64_t v) override { take(d, v); }
  void on_text(Decoding& d, std::string_view v) override {
    if (const auto number = parse_integer(v))
      take(d, *number);
    else
      this->refuse(d);
  }

 private:
  static std::optional<std::int64_t> parse_integer(std::string_view text);
  template <class N>
  void take(Decoding& d, N v) {
    if (std::in_range<T>(v))
      this->value = static_cast<T>(v), this->valid = true;
    else
      this->refuse(d);
  }
};

std::optional<std::int64_t> parse_integer_text(std::string_view text);
std::optional<double> parse_number_text(std::string_view text);

template <class T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
std::optional<std::int64_t> Shadow<T>::parse_integer(std::string_view text) {
  return parse_integer_text(text);
}

template <class T>
  requires std::is_floating_point_v<T>
class Shadow<T> : public detail::ShadowBase<T> {
 public:
  std::string expected() const override { return "must be a number"; }
  void on_int(Decoding&, std::int64_t v) override { this->value = static_cast<T>(v), this->valid = true; }
  void on_uint(Decoding&, std::uint64_t v) override { this->value = static_cast<T>(v), this->valid = true; }
  void on_double(Decoding& d, double v) override {
    if (std::isfinite(v))
      this->value = static_cast<T>(v), this->valid = true;
    else
      this->refuse(d);
  }
  void on_text(Decoding& d, std::string_view v) override {
    if (const auto number = parse_number_text(v))
      on_double(d, *number);
    else
      this->refuse(d);
  }
};

template <>
class Shadow<Time> : public detail::ShadowBase<Time> {
 public:
  std::string expected() const override { return "must be a time such as 2026-11-23T19:55:20Z (RFC 3339)"; }
  void on_string(Decoding& d, std::string_view v) override {
    if (const auto time = parse_rfc3339(v))
      value = *time, valid = true;
    else
      refuse(d);
  }
};

template <DescribedEnum T>
class Shadow<T> : public detail::ShadowBase<T> {
 public:
  std::string expected() const override { return detail::enum_expectation<T>(); }
  void on_string(Decoding& d, std::string_view v) override {
    if (const auto parsed = parse_enum<T>(v))
      this->value = *parsed, this->valid = true;
    else
      this->refuse(d);
  }
};

template <TextValue T>
class Shadow<T> : public detail::ShadowBase<T> {
 public:
  std::string expected() const override { return TextRule<T>::says(); }
  void on_string(Decoding& d, std::string_view v) override {
    if (auto parsed = T::parse(v))
      this->value = std::move(*parsed), this->valid = true;
    else
      this->refuse(d);
  }
};

template <IntegerValue T>
class Shadow<T> : public detail::ShadowBase<T> {
 public:
  std::string expected() const override { return fmt::format("must be an integer from {} to {}", T::min, T::max); }
  void on_int(Decoding& d, std::int64_t v) override {
    if (auto parsed = T::parse(v))
      this->value = *parsed, this->valid = true;
    else
      this->refuse(d);
  }
  void on_text(Decoding& d, std::string_view v) override {
    if (const auto number = parse_integer_text(v))
      on_int(d, *number);
    else
      this->refuse(d);
  }
};

template <>
class Shadow<boost::json::value> : public FreeSink {
 public:
  void reset() override { FreeSink::reset(), valid = false; }
  void on_null(Decoding& d) override { FreeSink::on_null(d), valid = true; }
  void on_bool(Decoding& d, bool v) override { FreeSink::on_bool(d, v), valid = true; }
  void on_int(Decoding& d, std::int64_t v) override { FreeSink::on_int(d, v), valid = true; }
  void on_uint(Decoding& d, std::uint64_t v) override { FreeSink::on_uint(d, v), valid = true; }
  void on_double(Decoding& d, double v) override { FreeSink::on_double(d, v), valid = true; }
  void on_string(Decoding& d, std::string_view v) override { FreeSink::on_string(d, v), valid = true; }
  void end(Decoding& d) override { FreeSink::end(d), valid = true; }
  bool valid = false;
};

/// Passes everything on to `inner`; what optional, Required and Patch share.
template <class T>
class ForwardingShadow : public Sink {
 public:
  void reset() override { inner_.reset(); }
  std::string expected() const override { return inner_.expected(); }
  void on_null(Decoding& d) override { inner_.on_null(d); }
  void on_bool(Decoding& d, bool v) override { inner_.on_bool(d, v); }
  void on_int(Decoding& d, std::int64_t v) override { inner_.on_int(d, v); }
  void on_uint(Decoding& d, std::uint64_t v) override { inner_.on_uint(d, v); }
  void on_double(Decoding& d, double v) override { inner_.on_double(d, v); }
  void on_string(Decoding& d, std::string_view v) override { inner_.on_string(d, v); }
  void on_text(Decoding& d, std::string_view v) override { inner_.on_text(d, v); }
  bool begin_object(Decoding& d) override { return inner_.begin_object(d); }
  bool begin_array(Decoding& d) override { return inner_.begin_array(d); }
  Sink* key(Decoding& d, std::string_view name) override { return inner_.key(d, name); }
  Sink* element(Decoding& d) override { return inner_.element(d); }
  void end(Decoding& d) override { inner_.end(d); }

 protected:
  Shadow<T> inner_;
};

// `valid` and `value` are read through accessors, so that every kind of shadow looks the same.
template <class S>
bool shadow_valid(const S& shadow) {
  if constexpr (requires { shadow.is_valid(); })
    return shadow.is_valid();
  else
    return shadow.valid;
}
template <class S>
auto shadow_take(S& shadow) {
  if constexpr (requires { shadow.take(); })
    return shadow.take();
  else
    return std::move(shadow.value);
}

template <class T>
class Shadow<std::optional<T>> : public ForwardingShadow<T> {
 public:
  void reset() override { null_ = false, ForwardingShadow<T>::reset(); }
  void on_null(Decoding&) override { null_ = true; }
  bool is_valid() const { return null_ || shadow_valid(this->inner_); }
  std::optional<T> take() {
    if (null_) return std::nullopt;
    return shadow_take(this->inner_);
  }

 private:
  bool null_ = false;
};

template <class T>
class Shadow<Required<T>> : public ForwardingShadow<T> {
 public:
  bool is_valid() const { return shadow_valid(this->inner_); }
  Required<T> take() { return {shadow_take(this->inner_)}; }
};

template <class T>
class Shadow<Patch<T>> : public ForwardingShadow<T> {
 public:
  void reset() override { null_ = false, ForwardingShadow<T>::reset(); }
  void on_null(Decoding&) override { null_ = true; }
  bool is_valid() const { return null_ || shadow_valid(this->inner_); }
  Patch<T> take() {
    if (null_) return {true, std::nullopt};
    return {true, shadow_take(this->inner_)};
  }

 private:
  bool null_ = false;
};

template <class T>
class Shadow<std::vector<T>> : public Sink {
 public:
  void reset() override { items_.clear(), element_.reset(), ended_ = false, pending_ = false; }
  std::string expected() const override { return "must be an array"; }
  bool begin_array(Decoding&) override { return true; }
  Sink* element(Decoding& d) override {
    adopt();
    if (!element_) element_ = std::make_unique<Shadow<T>>();
    element_->reset();
    pending_ = true;
    if (items_.size() >= d.limits().elements_max) {
      d.violation("has too many elements");
      return nullptr;
    }
    return element_.get();
  }
  void end(Decoding&) override { adopt(), ended_ = true; }
  /// A repeated query parameter adds one element each time.
  void on_text(Decoding& d, std::string_view text) override {
    if (Sink* sink = element(d)) sink->on_text(d, text);
    adopt();
    ended_ = true;
  }
  bool is_valid() const { return ended_; }
  std::vector<T> take() { return std::move(items_); }

 private:
  void adopt() {
    if (pending_ && shadow_valid(*element_)) items_.push_back(shadow_take(*element_));
    pending_ = false;
  }
  std::vector<T> items_;
  std::unique_ptr<Shadow<T>> element_;
  bool ended_ = false;
  bool pending_ = false;
};

template <class K, class T>
class Shadow<std::map<K, T>> : public Sink {
 public:
  void reset() override { items_.clear(), element_.reset(), ended_ = false, pending_ = false; }
  std::string expected() const override { return "must be an object"; }
  bool begin_object(Decoding&) override { return true; }
  Sink* key(Decoding& d, std::string_view name) override {
    adopt();
    if (!element_) element_ = std::make_unique<Shadow<T>>();
    element_->reset();
    if constexpr (TextValue<K>) {
      auto parsed = K::parse(name);
      if (!parsed) {
        d.violation("this key " + TextRule<K>::says());
        return nullptr;
      }
      key_ = *parsed;
    } else {
      key_ = K(name);
    }
    if (items_.contains(key_)) d.violation("is given twice");
    if (items_.size() >= d.limits().elements_max) {
      d.violation("has too many members");
      return nullptr;
    }
    pending_ = true;
    return element_.get();
  }
  void end(Decoding&) override { adopt(), ended_ = true; }
  bool is_valid() const { return ended_; }
  std::map<K, T> take() { return std::move(items_); }

 private:
  void adopt() {
    if (pending_ && shadow_valid(*element_)) items_.emplace(key_, shadow_take(*element_));
    pending_ = false;
  }
  std::map<K, T> items_;
  K key_{};
  std::unique_ptr<Shadow<T>> element_;
  bool ended_ = false;
  bool pending_ = false;
};

/// A tagged union: the member "type" chooses the alternative. It may come last, so the object is kept until its end.
template <class... A>
class Shadow<std::variant<A...>> : public FreeSink {
 public:
  void reset() override { FreeSink::reset(), result_.reset(), depth_ = 0; }
  std::string expected() const override {
    std::string out = "must be an object whose \"type\" is one of";
    ((out += " ", out += A::type), ...);
    return out;
  }
  void on_null(Decoding& d) override { refuse(d); }
  void on_bool(Decoding& d, bool) override { refuse(d); }
  void on_int(Decoding& d, std::int64_t) override { refuse(d); }
  void on_uint(Decoding& d, std::uint64_t) override { refuse(d); }
  void on_double(Decoding& d, double) override { refuse(d); }
  void on_string(Decoding& d, std::string_view) override { refuse(d); }
  bool begin_array(Decoding& d) override {
    refuse(d);
    return false;
  }
  void end(Decoding& d) override {
    FreeSink::end(d);
    boost::json::object& object = FreeSink::value.as_object();
    const boost::json::value* tag = object.if_contains("type");
    if (tag == nullptr || !tag->is_string()) return refuse(d);
    const std::string type(tag->as_string());
    object.erase("type");
    if (!(choose<A>(d, type) || ...)) refuse(d);
  }
  bool is_valid() const { return result_.has_value(); }
  std::variant<A...> take() { return std::move(*result_); }

 private:
  template <class T>
  bool choose(Decoding& d, std::string_view type) {
    if (type != T::type) return false;
    Shadow<T> shadow;
    replay(d, shadow, FreeSink::value);
    if (shadow_valid(shadow)) result_ = shadow_take(shadow);
    return true;
  }
  std::optional<std::variant<A...>> result_;
  int depth_ = 0;
};

template <Described T>
  requires(!TextValue<T>)
class Shadow<T> : public Sink {
 public:
  Shadow() { seen_.fill(false); }
  void reset() override {
    members_.reset();
    seen_.fill(false);
    valid = false;
  }
  std::string expected() const override { return "must be an object"; }
  bool begin_object(Decoding&) override { return true; }
  Sink* key(Decoding& d, std::string_view name) override {
    Sink* sink = member(name);
    if (sink == nullptr) {
      if (!d.limits().unknown_keys_allowed) d.violation("is not a known field");
      return nullptr;
    }
    const std::size_t index = index_of(name);
    if (seen_[index]) d.violation("is given twice");
    seen_[index] = true;
    return sink;
  }
  void end(Decoding& d) override { finish(d); }

  /// Ends the object: reports what is missing and builds the value when all of it is valid.
  void finish(Decoding& d) {
    const std::size_t before = d.count();
    T built{};
    std::size_t index = 0;
    bool complete = true;
    boost::mp11::mp_for_each<Members<T>>([&](auto m) {
      using M = std::remove_cvref_t<decltype(built.*m.pointer)>;
      Shadow<M>& shadow = std::get<Shadow<M>>(ensure()[index]);
      if (seen_[index]) {
        if (shadow_valid(shadow))
          built.*m.pointer = shadow_take(shadow);
        else
          complete = false;
      } else if (is_unset(built.*m.pointer)) {
        d.push(wire_name(m.name));
        d.violation("is required");
        d.pop();
        complete = false;
      }
      ++index;
    });
    if (complete && d.count() == before) {
      value = std::move(built);
      valid = true;
    }
  }
  /// The sink of one member, for path and query parameters; null when there is none.
  Sink* member(std::string_view name) {
    const std::size_t index = index_of(name);
    if (index == count) return nullptr;
    return std::visit(
        [](auto& shadow) -> Sink* {
          if constexpr (std::is_same_v<std::remove_cvref_t<decltype(shadow)>, std::monostate>)
            return nullptr;
          else
            return &shadow;
        },
        ensure()[index]);
  }
  void mark_seen(std::string_view name) { seen_[index_of(name)] = true; }

  T value{};
  bool valid = false;

 private:
  static constexpr std::size_t count = boost::mp11::mp_size<Members<T>>::value;
  template <class D>
  using ShadowOf = Shadow<std::remove_cvref_t<decltype(std::declval<T&>().*D::pointer)>>;
  using AnyShadow = boost::mp11::mp_rename<boost::mp11::mp_unique<boost::mp11::mp_push_front<
                                               boost::mp11::mp_transform<ShadowOf, Members<T>>, std::monostate>>,
                                           std::variant>;
  using Storage = std::array<AnyShadow, count>;

  Storage& ensure() {
    if (!members_) {
      members_ = std::make_unique<Storage>();
      std::size_t index = 0;
      boost::mp11::mp_for_each<Members<T>>(
          [&](auto m) { (*members_)[index++].template emplace<ShadowOf<decltype(m)>>(); });
    }
    return *members_;
  }
  static std::size_t index_of(std::string_view name) {
    std::size_t index = 0;
    std::size_t found = count;
    boost::mp11::mp_for_each<Members<T>>([&](auto m) {
      if (wire_name(m.name) == name) found = index;
      ++index;
    });
    return found;
  }

  std::unique_ptr<Storage> members_;  // made on demand: a type may contain itself through a vector
  std::array<bool, count> seen_{};
};

/// Decodes one JSON text. Throws Error(invalid) when it is not JSON, Error(unprocessable) listing every violation.
template <class T>
T from_json(std::string_view text, JsonLimits limits = {}) {
  Decoding decoding(limits);
  Shadow<T> shadow;
  parse_json(decoding, shadow, text);
  decoding.finish("The JSON document");
  return shadow_take(shadow);
}

/// Decodes what we wrote ourselves: unknown keys of other versions are passed over.
template <class T>
T from_stored_json(std::string_view text) {
  return from_json<T>(text, {.depth_max = 64, .elements_max = 10'000'000, .unknown_keys_allowed = true});
}

}  // namespace modelops::reflect
