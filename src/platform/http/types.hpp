#pragma once
// What a server and its handlers say to each other. No Boost here: only server.cpp and its neighbours see Asio.
//
// A request's journey: the I/O coroutine reads the head, asks `Handler::plan` (pure, on the I/O thread) how the
// body is to be taken, hops once to the bounded pool, runs an ordinary function there, hops back and writes.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace modelops::http {

enum class Method { get, head, post, put, patch, delete_, options };
std::string_view method_name(Method method);  ///< "DELETE"
std::optional<Method> parse_method(std::string_view name);

/// Header fields in the order received; names compare without case. All texts stand in one buffer, since to allocate
/// each costs more than to parse it: views of them hold until the next change.
class Headers {
 public:
  using Field = std::pair<std::string_view, std::string_view>;  ///< name and value
  class Iterator {
   public:
    using value_type = Field;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    Iterator(const Headers& headers, std::size_t index) : headers_(&headers), index_(index) {}
    Field operator*() const { return headers_->field(index_); }
    Iterator& operator++() {
      ++index_;
      return *this;
    }
    Iterator operator++(int) { return {*headers_, index_++}; }
    bool operator==(const Iterator&) const = default;

   private:
    const Headers* headers_ = nullptr;
    std::size_t index_ = 0;
  };

  void add(std::string_view name, std::string_view value);
  void set(std::string_view name, std::string_view value);  ///< replaces every field of this name
  void remove(std::string_view name);
  /// Removes what `unwanted` says of the fields as they were before.
  template <class Unwanted>
  void remove_if(Unwanted unwanted) {
    std::vector<Place> kept;
    kept.reserve(places_.size() + 4);
    for (const Place& place : places_)
      if (!unwanted(field(place))) kept.push_back(place);
    places_ = std::move(kept);
  }
  /// The first field of this name; nothing when absent.
  std::optional<std::string_view> find(std::string_view name) const;
  std::string_view get(std::string_view name) const { return find(name).value_or(std::string_view()); }
  std::size_t count(std::string_view name) const;
  Iterator begin() const { return {*this, 0}; }
  Iterator end() const { return {*this, places_.size()}; }
  std::size_t size() const { return places_.size(); }

 private:
  struct Place {  // of a name in `text_`; its value follows
    std::size_t begin = 0;
    std::size_t name_size = 0, value_size = 0;
  };
  Field field(const Place& place) const {
    const std::string_view text = text_;
    return {text.substr(place.begin, place.name_size), text.substr(place.begin + place.name_size, place.value_size)};
  }
  Field field(std::size_t index) const { return field(places_[index]); }

  std::string text_;
  std::vector<Place> places_;
};

struct Request {
  Method method = Method::get;
  std::string path;   ///< the target before '?', still percent-encoded, always starting with '/'
  std::string query;  ///< the target after '?', still percent-encoded
  Headers headers;
  std::string remote_address;  ///< numeric, without the port
  std::string request_id;      ///< the caller's X-Request-Id when it is well-formed, else a new one
  std::chrono::steady_clock::time_point deadline;
  std::optional<std::uint64_t> content_length;  ///< nothing: chunked
  std::string body;                             ///< filled for BodyMode::buffer only
};

/// A whole answer. Content-Length is set by the server.
struct Response {
  int status = 200;
  Headers headers;
  std::string body;
};

/// A body that is made while it is sent. `read` runs on the pool; 0 means the end.
class BodySource {
 public:
  virtual ~BodySource() = default;
  virtual std::size_t read(std::span<char> into) = 0;
};

/// A body that is taken while it arrives. All calls run on the pool, one at a time. Destroyed without
/// `finish` when the client went away: what was half written must then be given up.
class BodySink {
 public:
  virtual ~BodySink() = default;
  virtual void write(std::string_view bytes) = 0;
  virtual Response finish() = 0;
  /// Whether `finish` takes long; asked once all has been written, on the I/O thread: quick. It then runs where it
  /// holds up no other request.
  virtual bool finishes_slowly() const { return false; }
};

/// A download. Without `length_bytes` it is sent chunked.
struct Download {
  Response head;
  std::optional<std::uint64_t> length_bytes;
  std::unique_ptr<BodySource> source;
};

/// A stream without an end of its own (server-sent events, followed logs). `poll` runs on the pool, returns
/// what is new and is called again when `topic` is notified or after `interval`. No thread is held meanwhile.
struct Stream {
  struct Batch {
    std::string bytes;  ///< empty: nothing new; the server then sends `heartbeat` when `interval` has passed
    bool end = false;
    bool more = false;  ///< there is more already: `poll` is called again at once
  };
  Response head;
  std::string topic;
  std::chrono::milliseconds interval{15'000};
  std::string heartbeat = ": keep-alive\n\n";
  std::function<Batch()> poll;
};

/// A long poll: `poll` runs on the pool at once, when `topic` is notified, and at `deadline` with `last` true,
/// when it must answer. The connection is parked without a thread in between.
struct LongPoll {
  std::string topic;
  std::chrono::steady_clock::time_point deadline;
  std::function<std::optional<Response>(bool last)> poll;
};

/// An answer that another thread makes. `start` runs where `handle` did, right after it, and must return soon; `answer`
/// may be called once, from any thread, even after the server is gone; what comes second or too late is dropped. At the
/// request's deadline the client is told 504. `cancelled`, when set, becomes true when nobody waits for the answer any
/// more.
struct Deferred {
  std::function<void(std::function<void(Response)> answer)> start;
  std::shared_ptr<std::atomic<bool>> cancelled;
};

/// An answer that takes long to make. `make` runs where it holds up no other request, without the request's deadline.
struct Slow {
  std::function<Response()> make;
};

using Answer = std::variant<Response, Download, Stream, LongPoll, Deferred, Slow>;

enum class BodyMode { buffer, stream };

/// How the body of a request is to be taken, from its head alone.
struct Plan {
  BodyMode mode = BodyMode::buffer;
  std::uint64_t body_bytes_max = 1 << 20;   ///< more is answered 413 without reading it
  std::size_t route = 0;                    ///< handed back to the handler
  std::string_view route_name = "unknown";  ///< the label of its metrics; static storage
  /// `handle` takes less than it costs to wake another thread, and waits for nothing: it runs on the I/O thread.
  bool is_brief = false;
};

class Handler {
 public:
  virtual ~Handler() = default;
  /// Runs on the I/O thread: pure and quick.
  virtual Plan plan(const Request& head) noexcept = 0;
  /// Runs on the pool, unless it is brief. Exceptions become problem documents (RFC 9457).
  virtual Answer handle(const Plan& plan, Request&& request) = 0;
  /// Runs on the pool before the body is read, for BodyMode::stream. Throws to refuse it.
  virtual std::unique_ptr<BodySink> receive(const Plan& plan, const Request& head) = 0;
};

/// "a=1&b=x%20y" decoded, in order; throws Error(invalid) for a broken escape.
std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query);
std::string percent_decode(std::string_view text);  ///< throws Error(invalid) for a broken escape
std::string percent_encode(std::string_view text);  ///< all but the unreserved characters of RFC 3986

/// The problem document of what is being handled, for use inside a catch block: an Error keeps its code and
/// message, anything else becomes 500 with no detail but the request id; both are logged.
Response problem_of_current_exception(std::string_view request_id);

}  // namespace modelops::http
