#include "platform/http/client.hpp"

#include <curl/curl.h>

#include <cstdlib>
#include <mutex>

#include "base/error.hpp"
#include "base/text.hpp"
#include "platform/http/address.hpp"
#include "platform/http/wire.hpp"

namespace modelops::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
constexpr std::size_t head_bytes_max = 64 * 1024;

/// An easy handle with its own multi handle: the multi can be woken from another thread, and keeps the connections.
struct Handle {
  Handle() : easy(curl_easy_init()), multi(curl_multi_init()) {
    if (easy == nullptr || multi == nullptr) throw std::bad_alloc();
  }
  ~Handle() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  CURL* easy;
  CURLM* multi;
};

/// One request under way: what libcurl's callbacks see.
struct Transfer {
  Transfer(const ClientOptions& o, const ClientRequest& r) : options(o), request(r) {}

  const ClientOptions& options;
  const ClientRequest& request;
  Response response;
  std::size_t head_bytes = 0;
  bool head_complete = false;
  bool told_to_stop = false;
  bool too_large = false;
  std::string refused_address;
  std::exception_ptr thrown;
  steady_clock::time_point last_byte = steady_clock::now();

  /// Runs a caller's function: no exception may pass through C code.
  template <class F>
  bool guarded(F f) {
    try {
      if (f()) return true;
      told_to_stop = true;
    } catch (...) {
      thrown = std::current_exception();
    }
    return false;
  }

  std::size_t on_header(std::string_view line) {
    last_byte = steady_clock::now();
    head_bytes += line.size();
    if (head_bytes > head_bytes_max) {
      too_large = true;
      return 0;
    }
    if (line.starts_with("HTTP/")) {  // another head after a 1xx
      response = Response{};
      const auto space = line.find(' ');
      response.status = static_cast<int>(parse_count(line.substr(space + 1, 3)).value_or(0));
      return line.size();
    }
    const std::string_view field = trim(line);
    if (field.empty()) {
      if (response.status < 200) return line.size();
      head_complete = true;
      if (request.on_head && !guarded([&] { return request.on_head(response); })) return 0;
      return line.size();
    }
    const auto colon = field.find(':');
    if (!head_complete && colon != field.npos)
      response.headers.add(trim(field.substr(0, colon)), trim(field.substr(colon + 1)));
    return line.size();
  }

  std::size_t on_body(std::string_view bytes) {
    last_byte = steady_clock::now();
    if (request.receive && response.status >= 200 && response.status < 300) {
      const bool go_on = guarded([&] { return request.receive(bytes); });
      last_byte = steady_clock::now();
      return go_on ? bytes.size() : 0;
    }
    if (response.body.size() + bytes.size() > options.response_bytes_max) {
      too_large = true;
      return 0;
    }
    response.body += bytes;
    return bytes.size();
  }

  std::size_t on_upload(std::span<char> into) {
    last_byte = steady_clock::now();
    std::size_t count = 0;
    const bool ok = guarded([&] {
      count = request.upload->read(into);
      return true;
    });
    last_byte = steady_clock::now();
    return ok ? count : CURL_READFUNC_ABORT;
  }
};

std::size_t header_callback(char* data, std::size_t size, std::size_t count, void* self) {
  return static_cast<Transfer*>(self)->on_header({data, size * count});
}

std::size_t body_callback(char* data, std::size_t size, std::size_t count, void* self) {
  return static_cast<Transfer*>(self)->on_body({data, size * count});
}

std::size_t upload_callback(char* data, std::size_t size, std::size_t count, void* self) {
  return static_cast<Transfer*>(self)->on_upload({data, size * count});
}

curl_socket_t open_socket_callback(void* self, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(self);
  if (transfer.options.addresses == AddressPolicy::public_only && !is_public_address(address->addr)) {
    transfer.refused_address = address_text(address->addr);
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/// "host:port" of a URL for messages. Throws Error(invalid) unless it is a plain http(s) URL.
std::string peer_of(const std::string& url) {
  const auto refuse = [] { fail(ErrorCode::invalid, "The URL must be of the form http://host/… or https://host/…."); };
  for (const char c : url) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) refuse();
  }
  const std::unique_ptr<CURLU, void (*)(CURLU*)> parsed(curl_url(), curl_url_cleanup);
  if (!parsed) throw std::bad_alloc();
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) refuse();
  const auto part = [&](CURLUPart which) {
    char* text = nullptr;
    std::string out;
    if (curl_url_get(parsed.get(), which, &text, CURLU_DEFAULT_PORT) == CURLUE_OK) out = text;
    curl_free(text);
    return out;
  };
  const std::string scheme = part(CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") refuse();
  if (!part(CURLUPART_USER).empty() || !part(CURLUPART_PASSWORD).empty()) {
    fail(ErrorCode::invalid, "The URL must not carry a user name or password.");
  }
  return part(CURLUPART_HOST) + ":" + part(CURLUPART_PORT);
}

struct HeaderList {
  HeaderList() = default;
  ~HeaderList() { curl_slist_free_all(list); }
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  void add(const std::string& line) {
    curl_slist* longer = curl_slist_append(list, line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    list = longer;
  }
  curl_slist* list = nullptr;
};

template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
  if (curl_easy_setopt(easy, option, value) != CURLE_OK) {
    fail(ErrorCode::internal, "The HTTP client cannot be set up.", "curl option " + std::to_string(option));
  }
}

void add_headers(HeaderList& list, const ClientRequest& request) {
  for (const auto& [name, value] : request.headers) {
    const bool broken = !is_field(name, value);
    if (broken) fail(ErrorCode::invalid, "A request header field has a character that it may not have.");
    // libcurl's way of sending a field without a value.
    list.add(value.empty() ? fmt::format("{};", name) : fmt::format("{}: {}", name, value));
  }
  // What libcurl would add by itself and nobody asked for.
  if (!request.headers.find("Content-Type")) list.add("Content-Type:");
}

void prepare(CURL* easy, const ClientOptions& options, const ClientRequest& request, Transfer& transfer,
             const HeaderList& headers) {
  curl_easy_reset(easy);
  set(easy, CURLOPT_URL, request.url.c_str());
  set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy, CURLOPT_FOLLOWLOCATION, 0L);
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_PROXY, "");  // not from the environment: behind a proxy the address policy would see the proxy only
  set(easy, CURLOPT_USERAGENT, options.user_agent.c_str());
  set(easy, CURLOPT_HTTPHEADER, headers.list);
  set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  set(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.total_timeout.value_or(options.total_timeout).count()));
  if (!options.ca_file.empty()) set(easy, CURLOPT_CAINFO, options.ca_file.c_str());
  if (!options.certificate_file.empty()) {
    set(easy, CURLOPT_SSLCERT, options.certificate_file.c_str());
    set(easy, CURLOPT_SSLKEY, options.key_file.c_str());
  }
  set(easy, CURLOPT_HEADERFUNCTION, &header_callback);
  set(easy, CURLOPT_HEADERDATA, &transfer);
  set(easy, CURLOPT_WRITEFUNCTION, &body_callback);
  set(easy, CURLOPT_WRITEDATA, &transfer);
  set(easy, CURLOPT_OPENSOCKETFUNCTION, &open_socket_callback);
  set(easy, CURLOPT_OPENSOCKETDATA, &transfer);

  const std::string method(method_name(request.method));
  if (request.method == Method::head) {
    set(easy, CURLOPT_NOBODY, 1L);
    return;
  }
  if (request.upload) {
    set(easy, CURLOPT_UPLOAD, 1L);
    set(easy, CURLOPT_READFUNCTION, &upload_callback);
    set(easy, CURLOPT_READDATA, &transfer);
    if (request.upload->length_bytes) {
      set(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(*request.upload->length_bytes));
    }
  } else if (!request.body.empty() || request.method == Method::post || request.method == Method::put ||
             request.method == Method::patch) {
    set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(easy, CURLOPT_POSTFIELDS, request.body.data());
  }
  set(easy, CURLOPT_CUSTOMREQUEST, method.c_str());
}

[[noreturn]] void fail_transfer(CURLcode code, const Transfer& transfer, const std::string& peer, bool tls) {
  const std::string reason = curl_easy_strerror(code);
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      fail(ErrorCode::unavailable, "The name of " + peer + " cannot be resolved.", reason);
    case CURLE_COULDNT_CONNECT:
      if (!transfer.refused_address.empty()) {
        fail(ErrorCode::forbidden, peer + " is not on the public internet; this connection may only go there.",
             "address " + transfer.refused_address);
      }
      fail(ErrorCode::unavailable, "Cannot connect to " + peer + ".", reason);
    case CURLE_OPERATION_TIMEDOUT: fail(ErrorCode::gateway_timeout, peer + " did not answer in time.", reason);
    case CURLE_SSL_CERTPROBLEM: fail(ErrorCode::invalid, "The client certificate or its key cannot be read.", reason);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR: fail(ErrorCode::bad_gateway, "No trusted TLS connection to " + peer + ".", reason);
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
      fail(ErrorCode::bad_gateway, peer + " ended the connection before its answer was complete.", reason);
    default:
      fail(ErrorCode::bad_gateway, peer + (tls ? " gave no usable HTTPS answer." : " gave no usable HTTP answer."),
           reason);
  }
}

}  // namespace

ClientOptions own_server_options() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets variables
    return std::string(value == nullptr ? "" : value);
  };
  return {.addresses = AddressPolicy::any,
          .ca_file = variable("MODELOPS_CA_FILE"),
          .certificate_file = variable("MODELOPS_CLIENT_CERTIFICATE_FILE"),
          .key_file = variable("MODELOPS_CLIENT_KEY_FILE")};
}

struct Client::State {
  explicit State(ClientOptions client_options) : options(std::move(client_options)) {}

  std::unique_ptr<Handle> take() {
    {
      std::lock_guard lock(mutex);
      if (!idle.empty()) {
        auto handle = std::move(idle.back());
        idle.pop_back();
        return handle;
      }
    }
    return std::make_unique<Handle>();
  }

  void give_back(std::unique_ptr<Handle> handle) {
    std::lock_guard lock(mutex);
    if (idle.size() < options.idle_connections_max) idle.push_back(std::move(handle));
  }

  const ClientOptions options;
  std::mutex mutex;
  std::vector<std::unique_ptr<Handle>> idle;
};

Client::Client(ClientOptions options) : state_(std::make_unique<State>(std::move(options))) {
  // Thread-safe initialisation, once in the process: curl's own is not.
  [[maybe_unused]] static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
}

Client::~Client() = default;

Response Client::send(const ClientRequest& request) {
  const ClientOptions& options = state_->options;
  const std::string peer = peer_of(request.url);
  HeaderList headers;
  add_headers(headers, request);
  Transfer transfer(options, request);
  std::unique_ptr<Handle> handle = state_->take();
  prepare(handle->easy, options, request, transfer, headers);

  struct Attached {
    Handle& handle;
    explicit Attached(Handle& h) : handle(h) { curl_multi_add_handle(handle.multi, handle.easy); }
    ~Attached() { curl_multi_remove_handle(handle.multi, handle.easy); }
  };
  std::optional<CURLcode> result;
  bool idle_too_long = false;
  {
    const Attached attached(*handle);
    const std::stop_callback wake(request.stop, [multi = handle->multi] { curl_multi_wakeup(multi); });
    const milliseconds idle_timeout = request.idle_timeout.value_or(options.idle_timeout);
    while (!result && !request.stop.stop_requested() && !idle_too_long) {
      int running = 0;
      if (curl_multi_perform(handle->multi, &running) != CURLM_OK) {
        fail(ErrorCode::internal, "The HTTP client failed.", "curl_multi_perform");
      }
      int queued = 0;
      while (const CURLMsg* message = curl_multi_info_read(handle->multi, &queued)) {
        if (message->msg == CURLMSG_DONE) result = message->data.result;
      }
      if (result) break;
      const auto idle = std::chrono::duration_cast<milliseconds>(steady_clock::now() - transfer.last_byte);
      idle_too_long = idle_timeout.count() > 0 && idle >= idle_timeout;
      const auto left = idle_timeout.count() > 0 ? std::clamp(idle_timeout - idle, milliseconds(1), milliseconds(1000))
                                                 : milliseconds(1000);
      if (!idle_too_long) curl_multi_poll(handle->multi, nullptr, 0, static_cast<int>(left.count()), nullptr);
    }
  }
  if (!result) {
    // The handle was in the middle of something: it is not used again.
    if (idle_too_long) fail(ErrorCode::gateway_timeout, peer + " stopped answering.");
    fail(ErrorCode::unavailable, "The request to " + peer + " was stopped.");
  }
  state_->give_back(std::move(handle));
  if (transfer.thrown) std::rethrow_exception(transfer.thrown);
  if (transfer.told_to_stop) return std::move(transfer.response);
  if (transfer.too_large) {
    fail(ErrorCode::bad_gateway,
         fmt::format("{} answered with more than the {} bytes accepted.", peer, options.response_bytes_max));
  }
  if (*result != CURLE_OK) fail_transfer(*result, transfer, peer, request.url.starts_with("https:"));
  if (!transfer.head_complete) fail(ErrorCode::bad_gateway, peer + " did not answer with HTTP.");  // HTTP/0.9
  return std::move(transfer.response);
}

}  // namespace modelops::http
