#include "registry/tensors.hpp"

#include "base/text.hpp"

namespace modelops::registry {

/// Where a page begins.
struct TensorCursor {
  std::string digest;  ///< of the version
  std::int64_t file = 0;
  std::int64_t tensor = 0;
};
MODELOPS_DESCRIBE(TensorCursor, digest, file, tensor);

namespace {

constexpr std::size_t kept_files_max = 16;
constexpr std::size_t kept_tensors_max = 500'000;
constexpr std::size_t files_per_page_max = 200;  // most files of some versions have no tensors

[[noreturn]] void refuse_token() {
  throw Error(ErrorCode::invalid, "The page_token is none of this list. Begin at its first page.", {},
              {{"/page_token", "is none of this list"}});
}

TensorCursor cursor_of(const std::string& token, const Sha256Text& digest) {
  if (token.empty()) return {digest.str(), 0, 0};
  const auto json = from_base64url(token);
  if (!json) refuse_token();
  TensorCursor out;
  try {
    out = reflect::from_json<TensorCursor>(*json, {.depth_max = 2});
  } catch (const Error&) {
    refuse_token();
  }
  if (out.digest != digest.str() || out.file < 0 || out.tensor < 0) refuse_token();
  return out;
}

}  // namespace

Tensors::List Tensors::read(const std::string& org_id, const FileEntry& file) {
  const std::string& sha256 = file.sha256.str();
  {
    std::lock_guard lock(mutex_);
    const auto found =
        std::ranges::find_if(kept_, [&](const Kept& kept) { return kept.sha256 == sha256 && kept.org_id == org_id; });
    if (found != kept_.end()) {
      kept_.splice(kept_.begin(), kept_, found);
      return found->tensors;
    }
  }
  const SourceFile source{file.path.str(), static_cast<std::uint64_t>(file.size_bytes), [&] {
                            auto blob = registry_.open_content(org_id, sha256);
                            if (!blob) fail(ErrorCode::internal, "A file of this version is missing.", sha256);
                            return blob;
                          }};
  auto read = std::make_shared<const std::vector<Tensor>>(reader_.read(source));
  std::lock_guard lock(mutex_);
  if (read->empty()) return read;
  kept_.push_front({org_id, sha256, read});
  kept_tensors_ += read->size();
  while (kept_.size() > kept_files_max || (kept_tensors_ > kept_tensors_max && kept_.size() > 1)) {
    kept_tensors_ -= kept_.back().tensors->size();
    kept_.pop_back();
  }
  return read;
}

TensorPage Tensors::list(const Context& ctx, const ListTensors& request) {
  std::string org_id;
  Sha256Text digest;
  const auto files = database_.read([&](db::Tx& tx) {
    const ResolvedVersion found =
        registry_.resolve(tx, ctx, fmt::format("{}:v{}", request.model.str(), request.version.number()));
    org_id = found.model.org_id.str();
    digest = found.version.digest;
    return registry_.files_of(tx, found);
  });
  std::vector<FileEntry> wanted;
  for (const FileEntry& file : files)
    if (!request.file || file.path == *request.file) wanted.push_back(file);
  if (request.file && wanted.empty())
    fail(ErrorCode::not_found, fmt::format("This version has no file {}.", request.file->str()));

  TensorCursor at = cursor_of(request.page_token, digest);
  const auto page_size = static_cast<std::size_t>(request.page_size.number());
  TensorPage out;
  out.digest = digest;
  for (std::size_t looked_at = 0; at.file < std::ssize(wanted); ++looked_at) {
    if (out.items.size() == page_size || looked_at == files_per_page_max) break;
    const FileEntry& file = wanted[static_cast<std::size_t>(at.file)];
    const List tensors = read(org_id, file);
    for (; at.tensor < std::ssize(*tensors) && out.items.size() < page_size; ++at.tensor) {
      const Tensor& tensor = (*tensors)[static_cast<std::size_t>(at.tensor)];
      out.items.push_back({file.path.str(), tensor.name, tensor.dtype, tensor.shape, tensor.size_bytes});
    }
    if (at.tensor < std::ssize(*tensors)) break;
    ++at.file;
    at.tensor = 0;
  }
  if (at.file < std::ssize(wanted)) out.next_page_token = to_base64url(reflect::to_json(at));
  return out;
}

}  // namespace modelops::registry
