#pragma once
// One entry per reader: feeds `bytes` to it and lets only Error(unprocessable) pass as a refusal. What a reader
// accepts is checked against what its header promises; a broken promise aborts, which a fuzzer and ctest both see.
#include <span>
#include <string_view>

namespace modelops::fuzz {

using Entry = void (*)(std::string_view bytes);

void gguf(std::string_view bytes);
void onnx(std::string_view bytes);
void safetensors(std::string_view bytes);  ///< files and their index
void pickle(std::string_view bytes);       ///< pickles and ZIP archives
void huggingface(std::string_view bytes);  ///< config.json, tokenizer_config.json and the front matter of README.md
void analysis(std::string_view bytes);     ///< as a file without a telling name

struct Target {
  std::string_view name;
  Entry run;
};
std::span<const Target> targets();

}  // namespace modelops::fuzz
