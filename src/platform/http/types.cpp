#include "platform/http/types.hpp"

#include <boost/json.hpp>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "platform/http/refusal.hpp"
#include "platform/http/wire.hpp"

namespace modelops::http {
namespace {

constexpr std::pair<Method, std::string_view> methods[] = {
    {Method::get, "GET"},     {Method::head, "HEAD"},      {Method::post, "POST"},       {Method::put, "PUT"},
    {Method::patch, "PATCH"}, {Method::delete_, "DELETE"}, {Method::options, "OPTIONS"},
};

std::string decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const auto byte = from_hex(to_lower_ascii(text.substr(i + 1, 2)));
      if (!byte || byte->size() != 1) {
        fail(ErrorCode::invalid, "The URL has a broken percent escape: write '%' as %25, others as % and two digits.");
      }
      out += *byte;
      i += 2;
    } else {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

// A library's message may quote bytes that the caller sent; JSON may hold UTF-8 only.
std::string as_utf8(std::string text) {
  if (!is_utf8(text)) {
    std::replace_if(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  }
  return text;
}

}  // namespace

std::string_view method_name(Method method) {
  for (const auto& [value, name] : methods) {
    if (value == method) return name;
  }
  return {};
}

std::optional<Method> parse_method(std::string_view name) {
  for (const auto& [value, known] : methods) {
    if (known == name) return value;
  }
  return std::nullopt;
}

void Headers::add(std::string_view name, std::string_view value) {
  constexpr std::size_t usual_bytes = 480, usual_fields = 12;
  if (places_.empty()) places_.reserve(usual_fields);
  const std::size_t begin = text_.size();
  const std::size_t size = begin + name.size() + value.size();
  if (size > text_.capacity()) {
    // Name and value may be views of what is replaced.
    std::string larger;
    larger.reserve(std::max(usual_bytes, 2 * size));
    larger.append(text_).append(name).append(value);
    text_.swap(larger);
  } else {
    text_.append(name).append(value);
  }
  places_.push_back({begin, name.size(), value.size()});
}

void Headers::set(std::string_view name, std::string_view value) {
  remove(name);
  add(name, value);
}

void Headers::remove(std::string_view name) {
  std::erase_if(places_, [&](const Place& place) { return equal_without_case(field(place).first, name); });
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
  for (const auto& [key, value] : *this) {
    if (equal_without_case(key, name)) return value;
  }
  return std::nullopt;
}

std::size_t Headers::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(places_, [&](const Place& place) { return equal_without_case(field(place).first, name); }));
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const std::string_view part : split(query, '&')) {
    if (part.empty()) continue;
    const auto equals = part.find('=');
    const std::string_view value = equals == part.npos ? std::string_view() : part.substr(equals + 1);
    out.emplace_back(decode(part.substr(0, equals), true), decode(value, true));
  }
  return out;
}

std::string percent_decode(std::string_view text) { return decode(text, false); }

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                            c == '.' || c == '_' || c == '~';
    if (unreserved) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
  }
  return out;
}

Response problem_response(const Error& error, std::string_view request_id) {
  Response response;
  const auto* refusal = dynamic_cast<const Refusal*>(&error);
  response.status = refusal != nullptr && refusal->status ? *refusal->status : http_status(error.code);
  boost::json::object problem;
  problem["type"] = "urn:modelops:problem:" + std::string(error_name(error.code));
  problem["title"] = std::string(reason_phrase(response.status));
  problem["status"] = response.status;
  problem["detail"] = as_utf8(error.message);
  problem["request_id"] = as_utf8(std::string(request_id));
  if (!error.violations.empty()) {
    boost::json::array violations;
    for (const Violation& violation : error.violations) {
      violations.push_back({{"pointer", as_utf8(violation.pointer)}, {"message", as_utf8(violation.message)}});
    }
    problem["violations"] = std::move(violations);
  }
  response.body = boost::json::serialize(problem);
  response.headers.add("Content-Type", "application/problem+json");
  if (error.retry_after_seconds) response.headers.add("Retry-After", std::to_string(*error.retry_after_seconds));
  if (refusal != nullptr)
    for (const auto& [name, value] : refusal->headers) response.headers.add(name, value);
  return response;
}

Response problem_of_current_exception(std::string_view request_id) {
  const Log log = Log().with("request_id", std::string(request_id));
  try {
    throw;
  } catch (const Error& error) {
    const std::string code(error_name(error.code));
    if (http_status(error.code) >= 500) {
      log.error("request failed", {{"code", code}, {"error", describe_exception(error)}});
    } else {
      log.debug("request refused", {{"code", code}, {"error", describe_exception(error)}});
    }
    return problem_response(error, request_id);
  } catch (...) {
    log.error("request failed", {{"code", "internal"}, {"error", describe_current_exception()}});
    return problem_response(
        Error(ErrorCode::internal, "The server failed; its log has the reason under this request id."), request_id);
  }
}

}  // namespace modelops::http
