#pragma once
#include <string>
#include <string_view>

#include "base/secret.hpp"

namespace modelops::crypto {

/// A new opaque token "mo_<kind>_" + 43 random letters and digits (256 bits) + 6 of their CRC-32.
/// The fixed form lets scanners find leaked tokens, the checksum lets typing errors be refused unasked.
/// `kind` is a word of 2 to 16 lowercase letters: "api", "session", "enroll".
Secret make_token(std::string_view kind);
/// True for what `make_token(kind)` could have made. Says nothing about whether it was.
bool is_token(std::string_view text, std::string_view kind);
/// What is stored instead of the token: the SHA-256 of the whole text in hexadecimal. A slow hash would add
/// nothing, since a token cannot be guessed.
std::string token_digest(std::string_view token);
/// What people tell tokens apart by: "mo_api_Ab3d", the kind and 4 characters.
std::string token_display(std::string_view token);

}  // namespace modelops::crypto
