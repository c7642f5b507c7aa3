#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace modelops::machine {

/// Replaces `file` as a whole, durably, with mode 0600: after a crash it is the old or the new one, never half of it.
/// Throws Error: insufficient_storage when the disk is full, else internal.
void write_file(const std::filesystem::path& file, std::string_view bytes);

/// Nothing when there is no such file. Throws Error(internal) when it cannot be read, or is larger than `bytes_max`.
std::optional<std::string> read_file(const std::filesystem::path& file, std::size_t bytes_max);

/// Throws what an errno value of a failed file operation means: "cannot <what> <file>: <reason>".
[[noreturn]] void fail_file(std::string_view what, const std::filesystem::path& file, int error);

}  // namespace modelops::machine
