#pragma once
// The order of the folders below src/, and who may include whom.
#include <string>
#include <string_view>

namespace modelops::tidy {

/// True when `folder` is a first-level folder of src/ that the order knows.
bool is_known_folder(std::string_view folder);

/// Why a file may not include another, as advice; empty when it may. Paths are from src/.
std::string include_advice(std::string_view from, std::string_view to);

/// Whether `folder` is a known folder of web/src.
bool is_known_web_folder(std::string_view folder);
/// Why `from` may not import `to`, both below web/src; empty when it may.
std::string web_import_advice(std::string_view from, std::string_view to);

}  // namespace modelops::tidy
