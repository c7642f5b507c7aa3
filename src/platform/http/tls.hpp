#pragma once
// Certificates of a listening port. No Asio and no OpenSSL here.
#include <memory>
#include <string>

#include "base/time.hpp"
#include "reflect/schema.hpp"

namespace modelops::http {

struct TlsFiles {
  std::string certificate_file;
  std::string key_file;
  std::string client_ca_file;

  bool on() const { return !certificate_file.empty() || !key_file.empty() || !client_ca_file.empty(); }
  static constexpr reflect::Doc docs[] = {
      {"certificate_file",
       "PEM: the certificate and those that lead to its root; empty: plain HTTP. Read again when it "
       "changes and on SIGHUP"},
      {"key_file", "PEM: the key of the certificate, without a passphrase"},
      {"client_ca_file", "PEM: only clients with a certificate of these authorities may connect; empty: anyone"}};
};
MODELOPS_DESCRIBE(TlsFiles, certificate_file, key_file, client_ca_file);

/// TLS 1.2 and 1.3 for the connections of a listening port, by files that may be replaced while it runs: connections
/// keep what they began with. Thread-safe.
class Tls {
 public:
  /// Throws Error(invalid) that names the file and what is wrong with it: not there, not PEM, a key of another
  /// certificate, a certificate that has expired or is not valid yet…
  explicit Tls(TlsFiles files);
  ~Tls();
  Tls(const Tls&) = delete;

  /// Reads the files again. When they are no good they are refused with a line in the log, and the last good ones stay.
  void reload();
  /// `reload` when a file has changed; looks at most once a second.
  void reload_if_changed();
  /// When the certificate expires.
  Time expires_at() const;

  struct Context;
  std::shared_ptr<Context> current() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace modelops::http
