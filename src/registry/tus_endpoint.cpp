#include "registry/tus_endpoint.hpp"

#include "platform/http/refusal.hpp"
#include "platform/http/wire.hpp"

namespace modelops::registry {
namespace {

constexpr std::string_view collection = "/api/v1/uploads/tus/";

http::Response answer(int status) {
  http::Response response;
  response.status = status;
  response.headers.set("Tus-Resumable", tus::version);
  return response;
}

/// Every answer of the protocol says its version, refusals too.
template <class F>
auto speaking_tus(F&& f) {
  try {
    return f();
  } catch (const Error& error) {
    const auto* own = dynamic_cast<const http::Refusal*>(&error);
    http::Refusal refusal = own != nullptr ? *own : http::Refusal(error);
    refusal.headers.emplace_back("Tus-Resumable", tus::version);
    if (error.code == ErrorCode::precondition_failed) refusal.headers.emplace_back("Tus-Version", tus::version);
    throw refusal;
  }
}

void require_version(const http::Request& head) {
  const auto given = head.headers.find("Tus-Resumable");
  if (given == tus::version) return;
  fail(ErrorCode::precondition_failed,
       fmt::format("Send 'Tus-Resumable: {}', the version that is spoken here.", tus::version));
}

std::optional<std::int64_t> bytes_in(const http::Request& head, std::string_view name) {
  const auto header = head.headers.find(name);
  if (!header) return std::nullopt;
  if (head.headers.count(name) > 1) fail(ErrorCode::invalid, fmt::format("{} must be given once.", name));
  return tus::parse_bytes(name, *header);
}

std::optional<tus::Checksum> checksum_in(const http::Request& head) {
  const auto header = head.headers.find("Upload-Checksum");
  return header ? std::optional(tus::parse_checksum(*header)) : std::nullopt;
}

bool brings_bytes(const http::Request& head) { return head.headers.get("Content-Type") == tus::content_type; }

void require_bytes(const http::Request& head) {
  if (!brings_bytes(head))
    fail(ErrorCode::unsupported_media, fmt::format("Send the bytes as '{}' (Content-Type).", tus::content_type));
}

/// The file's name as stock clients give it, the most exact one first.
std::string_view path_in(const tus::Metadata& metadata) {
  for (const std::string_view key : {"path", "relativePath", "filename", "name"})
    if (const auto value = tus::find(metadata, key); value && !value->empty() && *value != "null") return *value;
  return {};
}

NewTransfer new_transfer(const http::Request& head, const std::optional<tus::Concatenation>& concatenation) {
  NewTransfer out;
  out.metadata = head.headers.get("Upload-Metadata");
  out.concatenation = head.headers.get("Upload-Concat");
  const tus::Metadata metadata = tus::parse_metadata(out.metadata);
  const auto deferred = head.headers.find("Upload-Defer-Length");
  out.size_bytes = bytes_in(head, "Upload-Length");
  const bool final = concatenation && !concatenation->parts.empty();
  if (deferred && *deferred != "1") fail(ErrorCode::invalid, "Upload-Defer-Length must be 1.");
  if (final ? out.size_bytes || deferred : out.size_bytes.has_value() == deferred.has_value())
    fail(ErrorCode::invalid,
         final ? "A concatenation has no length of its own: send neither Upload-Length nor Upload-Defer-Length."
               : "Send either Upload-Length, or Upload-Defer-Length: 1.");
  if (concatenation && !final) return out;

  std::vector<Violation> violations;
  const auto take = [&](std::string_view key, std::string_view says, auto parse) {
    const auto text = tus::find(metadata, key);
    if (text && !parse(*text)) violations.push_back({fmt::format("/{}", key), std::string(says)});
  };
  take("upload", "must be the id of an upload, or absent",
       [&](std::string_view text) { return (out.upload_id = UploadId::parse(text)).has_value(); });
  take("sha256", "must be 64 lower-case hexadecimal digits, or absent",
       [&](std::string_view text) { return (out.sha256 = Sha256Text::parse(text)).has_value(); });
  take("unpack", "must be true or false", [&](std::string_view text) {
    out.unpack = text == "true";
    return out.unpack || text == "false";
  });
  out.path = path_in(metadata);
  if (!RelativePath::parse(out.path)) violations.push_back({"/path", reflect::RelativePathRule::says()});
  if (!violations.empty())
    throw Error(ErrorCode::unprocessable, "Upload-Metadata has values that are refused.", {}, std::move(violations));
  return out;
}

void put_state(http::Response& response, const TransferRow& row) {
  response.headers.set("Upload-Offset", std::to_string(row.offset_bytes));
  response.headers.set("Upload-Expires", http::http_date(row.expires_at.us / 1'000'000));
}

http::Response created(const TransferRow& row) {
  http::Response response = answer(201);
  response.headers.set("Location", std::string(collection) + row.id.str());
  put_state(response, row);
  return response;
}

http::Response standing(const TransferRow& row) {
  http::Response response = answer(200);
  response.headers.set("Cache-Control", "no-store");
  response.headers.set("Content-Type", "application/json");
  put_state(response, row);
  if (row.size_bytes)
    response.headers.set("Upload-Length", std::to_string(*row.size_bytes));
  else
    response.headers.set("Upload-Defer-Length", "1");
  if (!row.metadata.empty()) response.headers.set("Upload-Metadata", row.metadata);
  if (!row.concatenation.empty()) response.headers.set("Upload-Concat", row.concatenation);
  response.body = reflect::to_json(to_transfer(row));
  return response;
}

/// Takes the bytes of a request, where it has any.
class Sink final : public http::BodySink {
 public:
  using Done = http::Response (*)(const TransferRow&);
  Sink(Done done, std::unique_ptr<Transfers::Receiver> receiver) : done_(done), receiver_(std::move(receiver)) {}
  /// Without bytes: `end` makes what is to be told.
  Sink(Done done, std::function<TransferRow()> end, bool slow = false)
      : done_(done), end_(std::move(end)), slow_(slow) {}
  void write(std::string_view bytes) override {
    speaking_tus([&] {
      if (!receiver_) fail(ErrorCode::unsupported_media, fmt::format("Send bytes as '{}'.", tus::content_type));
      receiver_->write(bytes);
    });
  }
  http::Response finish() override {
    return speaking_tus([&] { return done_(receiver_ ? receiver_->finish() : end_()); });
  }
  bool finishes_slowly() const override { return receiver_ ? receiver_->finishes_slowly() : slow_; }

 private:
  const Done done_;
  const std::unique_ptr<Transfers::Receiver> receiver_;
  const std::function<TransferRow()> end_;
  const bool slow_ = false;
};

}  // namespace

http::Answer TusEndpoint::options(const Context&, const identity::Nothing&) {
  http::Response response = answer(204);
  response.headers.set("Tus-Version", tus::version);
  response.headers.set("Tus-Extension", tus::extensions);
  response.headers.set("Tus-Checksum-Algorithm", tus::checksum_algorithms);
  response.headers.set("Tus-Max-Size", std::to_string(file_bytes_max()));
  return response;
}

http::Answer TusEndpoint::get(const Context& ctx, const TransferReference& request, const http::Request& head) {
  return speaking_tus([&]() -> http::Answer {
    if (head.method == http::Method::head) require_version(head);
    const TransferRow row = transfers_.get(ctx, request);
    if (row.state != TransferState::arrived) return standing(row);
    return http::Slow{
        [this, ctx, request] { return speaking_tus([&] { return standing(transfers_.recover(ctx, request)); }); }};
  });
}

http::Answer TusEndpoint::remove(const Context& ctx, const TransferReference& request, const http::Request& head) {
  return speaking_tus([&] {
    transfers_.require(ctx, request);
    require_version(head);
    transfers_.remove(ctx, request);
    return answer(204);
  });
}

std::unique_ptr<http::BodySink> TusEndpoint::create(const Context& ctx, const identity::Nothing&,
                                                    const http::Request& head) {
  return speaking_tus([&]() -> std::unique_ptr<http::BodySink> {
    require_version(head);
    std::optional<tus::Concatenation> concatenation;
    if (const auto header = head.headers.find("Upload-Concat")) concatenation = tus::parse_concatenation(*header);
    const NewTransfer wanted = new_transfer(head, concatenation);
    const auto checksum = checksum_in(head);
    if (head.content_length.value_or(0) > 0) require_bytes(head);
    if (concatenation && !concatenation->parts.empty()) {
      auto parts = transfers_.parts_of(ctx, concatenation->parts);
      const bool slow = transfers_.concatenates_slowly(wanted, parts);
      return std::make_unique<Sink>(
          created, [this, ctx, wanted, parts = std::move(parts)] { return transfers_.concatenate(ctx, wanted, parts); },
          slow);
    }
    const TransferRow row = transfers_.create(ctx, wanted);
    if (!brings_bytes(head)) return std::make_unique<Sink>(created, [row] { return row; });
    return std::make_unique<Sink>(created, transfers_.receive(ctx, row.id, row.offset_bytes, std::nullopt, checksum));
  });
}

std::unique_ptr<http::BodySink> TusEndpoint::append(const Context& ctx, const TransferReference& request,
                                                    const http::Request& head) {
  return speaking_tus([&]() -> std::unique_ptr<http::BodySink> {
    transfers_.require(ctx, request);
    require_version(head);
    require_bytes(head);
    const auto offset = bytes_in(head, "Upload-Offset");
    if (!offset) fail(ErrorCode::invalid, "Send Upload-Offset: where the upload goes on, in bytes.");
    auto receiver =
        transfers_.receive(ctx, request.transfer, *offset, bytes_in(head, "Upload-Length"), checksum_in(head));
    const auto done = [](const TransferRow& row) {
      http::Response response = answer(204);
      put_state(response, row);
      return response;
    };
    return std::make_unique<Sink>(done, std::move(receiver));
  });
}

std::unique_ptr<http::BodySink> TusEndpoint::overridden(const Context& ctx, const TransferReference& request,
                                                        const http::Request& head) {
  const std::string_view method = head.headers.get("X-HTTP-Method-Override");
  if (method == "PATCH") return append(ctx, request, head);
  transfers_.require(ctx, request);
  if (method != "DELETE")
    fail(ErrorCode::invalid, "Send PATCH, or POST with 'X-HTTP-Method-Override: PATCH' (or DELETE).");
  remove(ctx, request, head);
  return std::make_unique<Sink>([](const TransferRow&) { return answer(204); }, [] { return TransferRow(); });
}

}  // namespace modelops::registry
