#include "base/error.hpp"

namespace modelops {
namespace {

struct Row {
  ErrorCode code;
  int status;
  std::string_view name;
};

constexpr Row rows[] = {
    {ErrorCode::invalid, 400, "invalid"},
    {ErrorCode::unauthenticated, 401, "unauthenticated"},
    {ErrorCode::forbidden, 403, "forbidden"},
    {ErrorCode::not_found, 404, "not-found"},
    {ErrorCode::method_not_allowed, 405, "method-not-allowed"},
    {ErrorCode::not_acceptable, 406, "not-acceptable"},
    {ErrorCode::timeout, 408, "timeout"},
    {ErrorCode::conflict, 409, "conflict"},
    {ErrorCode::gone, 410, "gone"},
    {ErrorCode::precondition_failed, 412, "precondition-failed"},
    {ErrorCode::too_large, 413, "too-large"},
    {ErrorCode::unsupported_media, 415, "unsupported-media-type"},
    {ErrorCode::range_not_satisfiable, 416, "range-not-satisfiable"},
    {ErrorCode::unprocessable, 422, "unprocessable"},
    {ErrorCode::precondition_required, 428, "precondition-required"},
    {ErrorCode::too_many_requests, 429, "too-many-requests"},
    {ErrorCode::header_too_large, 431, "header-too-large"},
    {ErrorCode::internal, 500, "internal"},
    {ErrorCode::bad_gateway, 502, "bad-gateway"},
    {ErrorCode::unavailable, 503, "unavailable"},
    {ErrorCode::gateway_timeout, 504, "gateway-timeout"},
    {ErrorCode::insufficient_storage, 507, "insufficient-storage"},
};

const Row& row_of(ErrorCode code) {
  for (const Row& row : rows)
    if (row.code == code) return row;
  return rows[17];  // internal
}

void append(std::string& out, const std::exception& error) {
  if (!out.empty()) out += " <- ";
  out += error.what();
  if (const auto* ours = dynamic_cast<const Error*>(&error)) {
    if (!ours->detail.empty()) out += ": " + ours->detail;
    for (const Violation& violation : ours->violations)
      out += " [" + violation.pointer + ": " + violation.message + "]";
  }
  try {
    std::rethrow_if_nested(error);
  } catch (const std::exception& cause) {
    append(out, cause);
  } catch (...) {
    out += " <- unknown exception";
  }
}

}  // namespace

int http_status(ErrorCode code) { return row_of(code).status; }

std::string_view error_name(ErrorCode code) { return row_of(code).name; }

ErrorCode error_code_from_status(int status) {
  for (const Row& row : rows)
    if (row.status == status) return row.code;
  return status >= 500 ? ErrorCode::internal : ErrorCode::invalid;
}

std::string describe_exception(const std::exception& error) {
  std::string out;
  append(out, error);
  return out;
}

std::string describe_current_exception() {
  try {
    throw;
  } catch (const std::exception& error) {
    return describe_exception(error);
  } catch (...) {
    return "unknown exception";
  }
}

void fail(ErrorCode code, std::string message, std::string detail) {
  throw Error(code, std::move(message), std::move(detail));
}

void fail_field(std::string pointer, std::string message) {
  std::string summary = pointer + ": " + message;
  throw Error(ErrorCode::unprocessable, std::move(summary), {}, {{std::move(pointer), std::move(message)}});
}

}  // namespace modelops
