#pragma once
#include "platform/http/types.hpp"
#include "platform/storage/blobs.hpp"

namespace modelops::storage {

/// The whole blob (200) or the part that `range`, a Range header, asks for (206), as bytes of no particular type.
/// `digest` names the content and becomes its ETag. Throws Error(range_not_satisfiable).
http::Download download(std::unique_ptr<BlobReader> blob, std::string_view digest, std::string_view range);

}  // namespace modelops::storage
