#pragma once
// The one exception type of the program. It is caught in three places only: the HTTP edge, the job
// runner and main(). Outcomes that people act on (a verdict, a validation report) are values, not errors.
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modelops {

/// What went wrong, independent of any transport. `http_status` maps each code to its status.
enum class ErrorCode {
  invalid,                ///< 400: the request cannot be understood
  unauthenticated,        ///< 401
  forbidden,              ///< 403: visible, but not allowed
  not_found,              ///< 404: absent, or not visible to the caller
  method_not_allowed,     ///< 405
  not_acceptable,         ///< 406
  timeout,                ///< 408: the client was too slow
  conflict,               ///< 409: the state does not allow it
  gone,                   ///< 410: was there, is not kept any more
  precondition_failed,    ///< 412: If-Match names an older row version
  too_large,              ///< 413
  unsupported_media,      ///< 415
  range_not_satisfiable,  ///< 416
  unprocessable,          ///< 422: understood, but a field's value is refused
  precondition_required,  ///< 428: If-Match is missing
  too_many_requests,      ///< 429
  header_too_large,       ///< 431
  internal,               ///< 500
  bad_gateway,            ///< 502: an outside system answered with something unusable
  unavailable,            ///< 503: try again later
  gateway_timeout,        ///< 504
  insufficient_storage,   ///< 507: the disk is full
};

/// One offending field: a JSON Pointer (RFC 6901) into the request and what to do about it.
struct Violation {
  std::string pointer;
  std::string message;
  bool operator==(const Violation&) const = default;
};

/// `message` is shown to the caller; `detail` is only logged. Causes nest with std::throw_with_nested.
class Error : public std::exception {
 public:
  Error(ErrorCode error_code, std::string public_message, std::string internal_detail = {},
        std::vector<Violation> offending = {})
      : code(error_code),
        message(std::move(public_message)),
        detail(std::move(internal_detail)),
        violations(std::move(offending)) {}

  const char* what() const noexcept override { return message.c_str(); }

  ErrorCode code;
  std::string message;
  std::string detail;
  std::vector<Violation> violations;
  std::optional<int> retry_after_seconds;  ///< sent as Retry-After
};

/// The HTTP status of `code` (RFC 9110, 6585).
int http_status(ErrorCode code);
/// A stable kebab-case name of `code`, the tail of the problem's `type`: "not-found".
std::string_view error_name(ErrorCode code);
/// The inverse of `http_status`, for clients; an unknown status becomes `internal` or `invalid`.
ErrorCode error_code_from_status(int status);
/// "message: detail <- cause message: cause detail ..." for the log.
std::string describe_exception(const std::exception& error);
/// `describe_exception` of the exception that is being handled; only inside a catch block.
std::string describe_current_exception();

[[noreturn]] void fail(ErrorCode code, std::string message, std::string detail = {});
/// A 422 about one field.
[[noreturn]] void fail_field(std::string pointer, std::string message);

}  // namespace modelops
