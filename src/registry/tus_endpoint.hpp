#pragma once
#include "platform/http/types.hpp"
#include "registry/transfers.hpp"

namespace modelops::registry {

/// The tus 1.0.0 protocol over `Transfers`: headers in, headers out.
class TusEndpoint {
 public:
  explicit TusEndpoint(Transfers& transfers) : transfers_(transfers) {}

  http::Answer options(const Context& ctx, const identity::Nothing& request);
  /// HEAD, and GET with the transfer as JSON.
  http::Answer get(const Context& ctx, const TransferReference& request, const http::Request& head);
  http::Answer remove(const Context& ctx, const TransferReference& request, const http::Request& head);
  std::unique_ptr<http::BodySink> create(const Context& ctx, const identity::Nothing& request,
                                         const http::Request& head);
  std::unique_ptr<http::BodySink> append(const Context& ctx, const TransferReference& request,
                                         const http::Request& head);
  /// For clients that can send neither PATCH nor DELETE: X-HTTP-Method-Override says which.
  std::unique_ptr<http::BodySink> overridden(const Context& ctx, const TransferReference& request,
                                             const http::Request& head);
  std::uint64_t file_bytes_max() const { return transfers_.limits().file_bytes_max; }

 private:
  Transfers& transfers_;
};

}  // namespace modelops::registry
