// What a client sends to the API, and the export that anyone may bring to be verified.
#include <algorithm>
#include <map>
#include <sstream>
#include <variant>

#include "audit/verify.hpp"
#include "base/text.hpp"
#include "platform/http/wire.hpp"
#include "platform/metrics/exposition.hpp"
#include "platform/query/page.hpp"
#include "readers.hpp"
#include "reflect/json.hpp"
#include "reflect/values.hpp"
#include "registry/tus.hpp"

namespace modelops::fuzz {

enum class Mood { calm, wild };
MODELOPS_DESCRIBE_ENUM(Mood, calm, wild)

struct Circle {
  static constexpr std::string_view type = "circle";
  reflect::Ranged<1, 100> radius;
};
MODELOPS_DESCRIBE(Circle, radius);
struct Label {
  static constexpr std::string_view type = "label";
  reflect::Bounded<1, 8> text;
};
MODELOPS_DESCRIBE(Label, text);

struct Part {
  reflect::Slug name;
  double weight = 1;
};
MODELOPS_DESCRIBE(Part, name, weight);

/// Has a member of every sort.
struct Sample {
  reflect::Required<Mood> mood;
  std::string text;
  std::int64_t number = 7;
  bool flag = false;
  std::optional<Time> time;
  std::vector<Part> parts;
  reflect::Tags tags;
  std::optional<std::variant<Circle, Label>> shape;
  reflect::Patch<reflect::Bounded<0, 8>> patch;
  boost::json::value free;
};
MODELOPS_DESCRIBE(Sample, mood, text, number, flag, time, parts, tags, shape, patch, free);

const query::FieldTable& fields() {
  using query::FieldType;
  static const query::FieldTable table{
      .alias = "m",
      .fields = {{.name = "name", .column = "m.name", .folded = "m.folded", .sortable = true},
                 {.name = "size", .column = "m.size", .type = FieldType::integer, .sortable = true},
                 {.name = "score", .column = "m.score", .type = FieldType::number},
                 {.name = "done", .column = "m.done", .type = FieldType::boolean, .sortable = true},
                 {.name = "made_at", .column = "m.made_at", .type = FieldType::time, .sortable = true},
                 query::enumeration<Mood>("mood", "m.mood"),
                 {.name = "note", .column = "m.note", .folded = "lower(m.note)", .nullable = true}},
      .tags = query::TagTable{"thing_tags", "thing_id"},
      .default_order = "name"};
  return table;
}

namespace {

void require_bindable(std::string_view sql, const std::vector<reflect::SqlValue>& args) {
  require(std::ranges::count(sql, '?') == std::ssize(args), "an argument for each placeholder");
  for (const reflect::SqlValue& arg : args)
    if (const auto* text = std::get_if<std::string>(&arg))
      require(is_utf8(*text) && text->find('\0') == text->npos, "both databases take the text");
}

void require_shown(const Error& error) {
  for (const Violation& violation : error.violations)
    require(is_utf8(violation.pointer) && is_utf8(violation.message), "a violation can be shown");
}

}  // namespace

void filter(std::string_view bytes) {
  refused_or_read({ErrorCode::invalid}, [&] {
    const query::Filter read = query::parse_filter(fields(), bytes);
    for (const std::string_view org_id : {"", "org_a"}) {
      const query::SqlFragment made = query::filter_sql(fields(), read, org_id);
      require_bindable(made.sql, made.args);
    }
  });
}

void page_token(std::string_view bytes) {
  for (const std::string& token : {std::string(bytes), to_base64url(bytes)}) {
    for (const std::string_view order : {"", "made_at desc, name", "done, size desc"})
      refused_or_read({ErrorCode::invalid}, [&] {
        const auto keyset = query::plan(fields(), "size > 1", order, token, query::default_page_size());
        require_bindable(keyset.sql(), keyset.args());
      });
  }
}

void json(std::string_view bytes) {
  for (const bool unknown_keys_allowed : {false, true}) {
    const reflect::JsonLimits limits{.elements_max = 1000, .unknown_keys_allowed = unknown_keys_allowed};
    refused_or_read({ErrorCode::invalid, ErrorCode::unprocessable}, [&] {
      try {
        const std::string written = reflect::to_json(reflect::from_json<Sample>(bytes, limits));
        require(reflect::to_json(reflect::from_json<Sample>(written)) == written, "what is written is read again");
      } catch (const Error& error) {
        require(error.violations.size() <= limits.violations_max, "violations are bounded");
        require_shown(error);
        throw;
      }
    });
  }
  refused_or_read({ErrorCode::invalid, ErrorCode::unprocessable}, [&] {
    const std::string written = reflect::to_json(reflect::parse_json_value(bytes));
    require(reflect::to_json(reflect::parse_json_value(written)) == written, "what is written is read again");
  });
}

void http_head(std::string_view bytes) {
  constexpr std::size_t head_bytes_max = 4096;
  constexpr std::size_t target_bytes_max = 512;
  const auto scanned = [&](std::size_t step) -> std::optional<std::size_t> {
    http::HeadScanner scanner(head_bytes_max, target_bytes_max);
    try {
      std::size_t size = 0;
      for (std::size_t end = std::min(step, bytes.size()); size == 0; end = std::min(end + step, bytes.size())) {
        size = scanner.scan(bytes.substr(0, end));
        if (end == bytes.size()) break;
      }
      return size;
    } catch (const Error& error) {
      require_refusal(error, {ErrorCode::invalid, ErrorCode::header_too_large});
      return std::nullopt;
    }
  };
  const auto size = scanned(std::max<std::size_t>(bytes.size(), 1));
  require(size == scanned(1), "a head ends at the same place however the packets are cut");
  if (size.value_or(0) == 0) return;
  refused_or_read(
      {ErrorCode::invalid, ErrorCode::header_too_large, ErrorCode::method_not_allowed, ErrorCode::unsupported_media},
      [&] {
        const http::Head head = http::parse_head(bytes.substr(0, *size));
        require(head.request.path.starts_with('/'), "a path begins with '/'");
        require(head.chunked != head.request.content_length.has_value(), "one framing");
        for (const auto& [name, value] : head.request.headers)
          require(fmt::format("{}{}", name, value).find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos,
                  "a field is one line");
        refused_or_read({ErrorCode::invalid}, [&] { http::parse_query(head.request.query); });
        refused_or_read({ErrorCode::invalid}, [&] { http::percent_decode(head.request.path); });
        if (!head.chunked) return;
        const std::string_view body = bytes.substr(*size);
        const auto decoded = [&](std::size_t step) -> std::optional<std::string> {
          http::ChunkDecoder decoder;
          std::string out;
          try {
            for (std::size_t at = 0; at < body.size() && !decoder.done();)
              for (std::string_view piece = body.substr(at, step); !piece.empty() && !decoder.done();) {
                const std::size_t taken = decoder.feed(piece, out);
                require(taken > 0 && taken <= piece.size(), "a decoder goes on");
                piece.remove_prefix(taken);
                at += taken;
              }
          } catch (const Error& error) {
            require_refusal(error, {ErrorCode::invalid});
            return std::nullopt;
          }
          return out;
        };
        require(decoded(body.size()) == decoded(1), "a body is the same however the packets are cut");
      });
}

void audit_export(std::string_view bytes) {
  std::istringstream lines{std::string(bytes)};
  const audit::VerifyReport report = audit::verify_export(lines);
  require(report.ok == report.problems.empty() && report.problems.size() <= 100, "problems are told, and bounded");
  require(!report.ok || report.heads > 0, "nothing is believed without a signed head");
  const auto require_shown = [](std::string_view text) {
    require(is_utf8(text) && !has_invisible_characters(text) && text.size() <= 600, "a report can be shown");
  };
  require_shown(report.organisation);
  for (const audit::VerifyProblem& problem : report.problems) {
    require_shown(problem.message);
    require_shown(problem.record_id);
  }
}

void exposition(std::string_view bytes) {
  const auto samples = metrics::read_exposition(bytes, {"m", "llamacpp:requests_processing", "vllm:e2e_bucket"});
  require(samples.size() <= metrics::exposed_samples_max, "samples are bounded");
  std::size_t size = 0;
  for (const metrics::ExposedSample& sample : samples) {
    size += sample.name.size();
    for (const auto& [name, value] : sample.labels) size += name.size() + value.size();
  }
  require(size <= bytes.size(), "what is read stands in the text");
}

void tus_headers(std::string_view bytes) {
  namespace tus = registry::tus;
  for (const std::string_view line : split(bytes, '\n')) {
    refused_or_read({ErrorCode::invalid}, [&] {
      const tus::Metadata read = tus::parse_metadata(line);
      require(read.size() <= tus::metadata_pairs_max, "pairs are bounded");
      for (const auto& [key, value] : read) {
        require(!key.empty() && is_utf8(value) && value.find('\0') == value.npos, "a value is text");
        require(tus::find(read, key) == value, "a key comes once");
      }
    });
    refused_or_read({ErrorCode::invalid}, [&] { require(tus::parse_bytes("Upload-Length", line) >= 0, "no sign"); });
    refused_or_read({ErrorCode::invalid}, [&] {
      const tus::Checksum read = tus::parse_checksum(line);
      require(read.digest.size() == (read.sha1 ? 20 : 32), "a digest is whole");
    });
    refused_or_read({ErrorCode::invalid}, [&] {
      for (const std::string& part : tus::parse_concatenation(line).parts)
        require(!part.empty() && part.size() <= 64 && part.find('/') == part.npos, "a part is a name");
    });
  }
}

}  // namespace modelops::fuzz
