#include "platform/http/tls.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/time.hpp"
#include "platform/http/byte_stream.hpp"

namespace modelops::http {

namespace ssl = asio::ssl;
using std::chrono::steady_clock;

struct Tls::Context {
  ssl::context ssl{ssl::context::tls_server};
  Time expires_at;
};

namespace {

constexpr std::size_t record_bytes = 16 * 1024;

/// TLS 1.2: forward secrecy and authenticated encryption only. TLS 1.3 has nothing else.
constexpr const char* ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

[[noreturn]] void refuse(const std::string& what, const std::string& file, const std::string& advice) {
  const unsigned long code = ERR_get_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  fail(ErrorCode::invalid, fmt::format("The {} {} {}", what, file, advice), reason == nullptr ? "" : reason);
}

void check_readable(const std::string& what, const std::string& file) {
  if (file.empty()) fail(ErrorCode::invalid, fmt::format("TLS needs a {} too: name its file.", what));
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> opened(std::fopen(file.c_str(), "re"), std::fclose);
  if (!opened) refuse(what, file, fmt::format("cannot be read: {}.", std::strerror(errno)));
}

Time time_of(const ASN1_TIME* time) {
  std::tm parts{};
  ASN1_TIME_to_tm(time, &parts);
  return {::timegm(&parts) * std::int64_t{1'000'000}};
}

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                    unsigned int in_size, void*) {
  static constexpr unsigned char ours[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, ours, sizeof ours - 1, in, in_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

std::shared_ptr<Tls::Context> load(const TlsFiles& files) {
  check_readable("certificate", files.certificate_file);
  check_readable("key", files.key_file);
  ERR_clear_error();
  auto out = std::make_shared<Tls::Context>();
  SSL_CTX* context = out->ssl.native_handle();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, ciphers);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);  // an idle connection holds none
  SSL_CTX_set_alpn_select_cb(context, &choose_protocol, nullptr);
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate_file.c_str()) != 1)
    refuse("certificate", files.certificate_file, "is not a PEM certificate.");
  const X509* certificate = SSL_CTX_get0_certificate(context);
  const Time now = SystemClock().now();
  out->expires_at = time_of(X509_get0_notAfter(certificate));
  const Time begins_at = time_of(X509_get0_notBefore(certificate));
  if (out->expires_at < now)
    refuse("certificate", files.certificate_file, "has expired on " + format_rfc3339(out->expires_at) + ": renew it.");
  if (begins_at > now)
    refuse("certificate", files.certificate_file,
           "is not valid before " + format_rfc3339(begins_at) + ": check this machine's clock.");
  // A passphrase would be asked for at the terminal otherwise.
  SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return -1; });
  if (SSL_CTX_use_PrivateKey_file(context, files.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    const unsigned long code = ERR_peek_last_error();
    if (ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH)
      refuse("key", files.key_file, "is not that of the certificate " + files.certificate_file + ".");
    refuse("key", files.key_file, "is not a PEM key without a passphrase.");
  }
  if (!files.client_ca_file.empty()) {
    check_readable("file of client authorities", files.client_ca_file);
    STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(files.client_ca_file.c_str());
    if (names == nullptr || SSL_CTX_load_verify_locations(context, files.client_ca_file.c_str(), nullptr) != 1)
      refuse("file of client authorities", files.client_ca_file, "has no PEM certificate.");
    SSL_CTX_set_client_CA_list(context, names);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    // Sessions are resumed for those who showed their certificate here.
    static constexpr unsigned char id[] = "modelops";
    SSL_CTX_set_session_id_context(context, id, sizeof id - 1);
  }
  return out;
}

class Session final : public TlsSession {
 public:
  Session(Socket& socket, std::shared_ptr<Tls::Context> context)
      : context_(std::move(context)), stream_(socket, context_->ssl) {}

  Task<std::tuple<boost::system::error_code>> handshake() override {
    return stream_.async_handshake(ssl::stream_base::server, as_tuple_await);
  }
  Task<std::tuple<boost::system::error_code>> shutdown() override { return stream_.async_shutdown(as_tuple_await); }
  Task<IoResult> read_some(asio::mutable_buffer into) override {
    return stream_.async_read_some(asio::buffer(into), as_tuple_await);
  }
  Task<IoResult> write_some(std::span<const asio::const_buffer> parts) override {
    const asio::const_buffer* first = parts.data();
    while (first->size() == 0) ++first;
    if (first + 1 == parts.data() + parts.size() || first->size() >= record_bytes)
      return stream_.async_write_some(asio::buffer(*first), as_tuple_await);
    return write_joined({first, parts.data() + parts.size()});
  }

 private:
  /// Small parts go in one record.
  Task<IoResult> write_joined(std::span<const asio::const_buffer> parts) {
    joined_.clear();
    for (const asio::const_buffer& part : parts) {
      const std::size_t count = std::min(part.size(), record_bytes - joined_.size());
      joined_.append(static_cast<const char*>(part.data()), count);
      if (joined_.size() == record_bytes) break;
    }
    co_return co_await stream_.async_write_some(asio::buffer(joined_), as_tuple_await);
  }

  std::shared_ptr<Tls::Context> context_;
  ssl::stream<Socket&> stream_;
  std::string joined_;
};

}  // namespace

std::unique_ptr<TlsSession> TlsSession::over(Socket& socket, Tls& tls) {
  tls.reload_if_changed();
  return std::make_unique<Session>(socket, tls.current());
}

// ---- files that change -------------------------------------------------------------------------------------------

struct Tls::State {
  using Stamp = std::array<std::int64_t, 9>;

  /// What changes when a file is written or replaced.
  Stamp stamp() const {
    Stamp out{};
    std::size_t i = 0;
    for (const std::string* file : {&files.certificate_file, &files.key_file, &files.client_ca_file}) {
      struct stat found{};
      if (!file->empty()) ::stat(file->c_str(), &found);
      out[i++] = static_cast<std::int64_t>(found.st_ino);
      out[i++] = found.st_mtim.tv_sec * 1'000'000'000 + found.st_mtim.tv_nsec;
      out[i++] = found.st_size;
    }
    return out;
  }

  const TlsFiles files;
  mutable std::mutex mutex;
  // Guarded by `mutex`.
  Stamp seen{};
  steady_clock::time_point looked = steady_clock::now();
  std::shared_ptr<Context> context;
};

Tls::Tls(TlsFiles files) : state_(new State{.files = std::move(files)}) {
  state_->seen = state_->stamp();
  state_->context = load(state_->files);
}

Tls::~Tls() = default;

void Tls::reload() {
  std::lock_guard lock(state_->mutex);
  state_->seen = state_->stamp();
  try {
    state_->context = load(state_->files);
    Log().info("TLS certificate read",
               {{"file", state_->files.certificate_file}, {"expires_at", format_rfc3339(state_->context->expires_at)}});
  } catch (const Error& error) {
    Log().error("TLS certificate not read again; the last one stays", {{"error", describe_exception(error)}});
  }
}

void Tls::reload_if_changed() {
  {
    std::lock_guard lock(state_->mutex);
    const auto now = steady_clock::now();
    if (now - state_->looked < std::chrono::seconds(1)) return;
    state_->looked = now;
    if (state_->stamp() == state_->seen) return;
  }
  reload();
}

Time Tls::expires_at() const { return current()->expires_at; }

std::shared_ptr<Tls::Context> Tls::current() const {
  std::lock_guard lock(state_->mutex);
  return state_->context;
}

}  // namespace modelops::http
