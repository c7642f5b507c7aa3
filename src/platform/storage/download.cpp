#include "platform/storage/download.hpp"

#include <fmt/format.h>

#include "platform/http/range.hpp"

namespace modelops::storage {
namespace {

class BlobSource final : public http::BodySource {
 public:
  BlobSource(std::unique_ptr<BlobReader> blob, http::ByteRange range)
      : blob_(std::move(blob)), at_(range.first), end_(range.first + range.length) {}
  std::size_t read(std::span<char> into) override {
    const std::size_t count = blob_->read_at(at_, into.first(std::min<std::uint64_t>(into.size(), end_ - at_)));
    at_ += count;
    return count;
  }

 private:
  std::unique_ptr<BlobReader> blob_;
  std::uint64_t at_;
  std::uint64_t end_;
};

}  // namespace

http::Download download(std::unique_ptr<BlobReader> blob, std::string_view digest, std::string_view range) {
  const std::uint64_t size = blob->size_bytes();
  const auto part = http::parse_range(range, size);
  const http::ByteRange sent = part.value_or(http::ByteRange{0, size});
  http::Download out;
  out.head.status = part ? 206 : 200;
  out.head.headers.set("Content-Type", "application/octet-stream");
  out.head.headers.set("Accept-Ranges", "bytes");
  out.head.headers.set("ETag", fmt::format("\"{}\"", digest));
  if (part)
    out.head.headers.set("Content-Range",
                         fmt::format("bytes {}-{}/{}", sent.first, sent.first + sent.length - 1, size));
  out.length_bytes = sent.length;
  out.source = std::make_unique<BlobSource>(std::move(blob), sent);
  return out;
}

}  // namespace modelops::storage
