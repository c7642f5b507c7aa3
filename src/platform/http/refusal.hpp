#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace modelops::http {

/// An error of a protocol that has statuses or headers of its own.
class Refusal : public Error {
 public:
  explicit Refusal(const Error& error) : Error(error) {}
  Refusal(int own_status, std::string message) : Error(ErrorCode::conflict, std::move(message)), status(own_status) {}

  std::optional<int> status;  ///< instead of the code's
  std::vector<std::pair<std::string, std::string>> headers;
};

}  // namespace modelops::http
