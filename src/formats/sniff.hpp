#pragma once
#include <string_view>

#include "formats/source.hpp"
#include "registry/analysis/types.hpp"

namespace modelops::formats {

using registry::FileFormat;

std::string_view format_name(FileFormat format);

/// Decides by content; archives come back as `zip`, their kind is decided from their directory. The name counts only
/// for a file whose content says nothing: then a known extension is what the file claims to be, and its reader will
/// say what is wrong.
FileFormat sniff(const RandomAccess& source, std::string_view path);

/// What the extension of `path` claims, `unknown` when it claims nothing.
FileFormat claimed_format(std::string_view path);

}  // namespace modelops::formats
