#pragma once
// One entry per reader: feeds `bytes` to it and lets only the reader's own refusals pass. What a reader accepts is
// checked against what its header promises; a broken promise aborts, which a fuzzer and ctest both see.
#include <initializer_list>
#include <span>
#include <string_view>

#include "base/error.hpp"
#include "platform/query/fields.hpp"

namespace modelops::fuzz {

using Entry = void (*)(std::string_view bytes);

void gguf(std::string_view bytes);
void onnx(std::string_view bytes);
void safetensors(std::string_view bytes);  ///< files and their index
void pickle(std::string_view bytes);       ///< pickles and ZIP archives
void huggingface(std::string_view bytes);  ///< config.json, tokenizer_config.json and the front matter of README.md
void analysis(std::string_view bytes);     ///< as a file without a telling name
void filter(std::string_view bytes);       ///< of a list
void page_token(std::string_view bytes);   ///< as it came, and what stands inside it
void json(std::string_view bytes);         ///< into a described struct, and free
void http_head(std::string_view bytes);    ///< of a request, and the chunked body after it
void audit_export(std::string_view bytes);
void exposition(std::string_view bytes);   ///< of an engine's metrics
void tus_headers(std::string_view bytes);  ///< each line as each of the protocol's headers
void archive(std::string_view bytes);      ///< ZIP, tar, tar.gz

/// What `filter` and `page_token` read for.
const query::FieldTable& fields();

/// Aborts unless `promise` holds.
void require(bool promise, std::string_view what);
/// Aborts on what is no refusal of one of these codes in words that can be shown.
void require_refusal(const Error& error, std::initializer_list<ErrorCode> codes);
template <class Call>
void refused_or_read(std::initializer_list<ErrorCode> codes, Call call) {
  try {
    call();
  } catch (const Error& error) {
    require_refusal(error, codes);
  }
}

struct Target {
  std::string_view name;
  Entry run;
};
std::span<const Target> targets();

}  // namespace modelops::fuzz
