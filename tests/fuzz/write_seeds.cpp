// Writes the seeds of the corpus: sound files and the known attacks, made by the same writers as the unit tests.
// Usage: fuzz_write_seeds <folder>. Files that fuzzing found are kept beside them by hand, as "found-...".
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <string>

#include "formats/test_files.hpp"

using namespace modelops::formats::testing;

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: fuzz_write_seeds <folder>\n";
    return 2;
  }
  const auto gguf_head = "GGUF" + u32(3) + u64(0) + u64(1);
  std::string gguf_nested = gguf_string("k") + u32(9);
  for (int i = 0; i < 50; ++i) gguf_nested += u32(9) + u64(1);
  const std::string many_varint_bytes(11, '\xff');
  const auto u8_tensor = [](int size, int begin, int end) {
    return R"({"dtype":"U8","shape":[)" + std::to_string(size) + R"(],"data_offsets":[)" + std::to_string(begin) + "," +
           std::to_string(end) + "]}";
  };

  const std::map<std::string, std::string> seeds = {
      {"gguf/small", small_gguf()},
      {"gguf/truncated", small_gguf().substr(0, 200)},
      {"gguf/version-1", gguf({}, {}, 0, 1)},
      {"gguf/big-endian", gguf({}, {}, 0, 0x0300'0000)},
      {"gguf/huge-counts", "GGUF" + u32(3) + u64(~0ull) + u64(~0ull)},
      {"gguf/huge-text", gguf_head + gguf_string("k") + u32(8) + u64(~0ull)},
      {"gguf/huge-array", gguf_head + gguf_string("k") + u32(9) + u32(4) + u64(1ull << 62)},
      {"gguf/nested-arrays", gguf({gguf_nested + u32(4) + u64(0)}, {}, 0)},
      {"gguf/key-twice", gguf({gguf_u32("a", 1), gguf_u32("a", 2)}, {}, 0)},
      {"gguf/alignment", gguf({gguf_u32("general.alignment", 0x8000'0000)}, {gguf_tensor("t", {8}, 0, 0)}, 32)},
      {"gguf/shape-overflow", gguf({}, {gguf_tensor("t", {1ull << 40, 1ull << 40}, 0, 0)}, 32)},
      {"gguf/padding-overflow", gguf({}, {gguf_tensor("t", {(1ull << 62) - 8}, 24, 0)}, 32)},
      {"gguf/offset-outside", gguf({}, {gguf_tensor("t", {8}, 0, ~0ull - 31)}, 32)},
      {"gguf/overlap", gguf({}, {gguf_tensor("a", {8}, 0, 0), gguf_tensor("b", {8}, 0, 0)}, 64)},
      {"safetensors/small", small_safetensors()},
      {"safetensors/truncated", small_safetensors().substr(0, 90)},
      {"safetensors/header-too-large", u64(25'000'001) + "{}"},
      {"safetensors/header-beyond-file", u64(1000) + "{}"},
      {"safetensors/key-twice", safetensors("{\"a\":" + u8_tensor(1, 0, 1) + ",\"a\":" + u8_tensor(1, 1, 2) + "}", 2)},
      {"safetensors/overlap", safetensors("{\"a\":" + u8_tensor(4, 0, 4) + ",\"b\":" + u8_tensor(4, 2, 6) + "}", 6)},
      {"safetensors/hole", safetensors("{\"a\":" + u8_tensor(1, 0, 1) + ",\"b\":" + u8_tensor(1, 2, 3) + "}", 3)},
      {"safetensors/trailing", safetensors("{\"a\":" + u8_tensor(1, 0, 1) + "}", 9)},
      {"safetensors/shape-overflow",
       safetensors(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0)},
      {"safetensors/index",
       R"({"metadata":{"total_size":4},"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors"}})"},
      {"safetensors/index-traversal", R"({"weight_map":{"a":"../../etc/passwd"}})"},
      {"onnx/small", onnx()},
      {"onnx/truncated", onnx().substr(0, 60)},
      {"onnx/external", onnx(onnx_tensor("w", {3, 2}, onnx_external("w.bin")))},
      {"onnx/external-traversal", onnx(onnx_tensor("w", {3, 2}, onnx_external("../../etc/passwd")))},
      {"onnx/external-absolute", onnx(onnx_tensor("w", {3, 2}, onnx_external("/etc/passwd")))},
      {"onnx/custom-operator", onnx(onnx_tensor("w", {1}, ""), pb(1, onnx_node("Evil", "my.ops")))},
      {"onnx/nested", nested_onnx(40)},
      {"onnx/varint-bomb", many_varint_bytes},
      {"onnx/length-bomb", pb(1, 8) + varint(7 << 3 | 2) + varint(~0ull)},
      {"onnx/dimension-overflow", onnx(onnx_tensor("w", {1ull << 40, 1ull << 40}, ""))},
      {"pickle/global", global_pickle()},
      {"pickle/stack-global", stack_global_pickle()},
      {"pickle/text", text_pickle()},
      {"pickle/inst", inst_pickle()},
      {"pickle/computed-name", computed_pickle()},
      {"pickle/extension", "\x80\x02\x82\x07."},
      {"pickle/broken-after-import", "cos\nsystem\n(S'id'\ntR\xff"},
      {"pickle/two-streams", torch_pickle() + global_pickle()},
      {"pickle/length-bomb", "\x80\x04\x8d" + u64(~0ull)},
      {"pickle/torch-zip", zip({{"archive/data.pkl", torch_pickle(), "", 0}, {"archive/data/0", "weights", "", 0}})},
      {"pickle/zip-other-name", zip({{"data.pkl", global_pickle(), "evil.pkl", 0}})},
      {"pickle/zip-traversal", zip({{"../../etc/cron.d/x", "x", "", 0}})},
      {"pickle/zip-deflated", zip({{"data.pkl", "\x4b\x04", "", 8}})},
      {"pickle/zip-name-twice", zip({{"data.pkl", "x", "", 0}, {"data.pkl", global_pickle(), "", 0}})},
      {"huggingface/config",
       R"({"model_type":"llama","architectures":["LlamaForCausalLM"],"torch_dtype":"bfloat16",)"
       R"("quantization_config":{"quant_method":"awq","bits":4},"text_config":{"dtype":"float16"}})"},
      {"huggingface/auto-map", R"({"auto_map":{"AutoModel":"owner/repo--mod.Class","AutoTokenizer":["t.T",null]}})"},
      {"huggingface/chat-template", R"({"chat_template":"{{ ''.__class__.__mro__ }}"})"},
      {"huggingface/deep", std::string(200, '[')},
      {"huggingface/many-values", "[" +
                                      [] {
                                        std::string wide;
                                        for (int i = 0; i < 500; ++i) wide += "[],";
                                        return wide;
                                      }() +
                                      "0]"},
      {"huggingface/card",
       "---\nlicense: apache-2.0\nbase_model:\n- a/b\npipeline_tag: text-generation\n---\n# Model\n"},
      {"huggingface/card-tag", "---\nlicense: !!python/object/apply:os.system [id]\nbase_model: [*a, &b c]\n---\n"},
      {"huggingface/card-endless", "---\nlicense: mit\n"},
      {"analysis/xgboost", R"({"learner":{"attributes":{}},"version":[2,1,0]})"},
      {"analysis/xgboost-ubjson", "{L" + std::string(7, '\0') + "\x07learner{}}"},
      {"analysis/saved-model", pb(1, 1) + pb(2, "graph")},
      {"analysis/joblib", "\x78\x9cxxxx"},
  };
  for (const auto& [name, bytes] : seeds) {
    const auto path = std::filesystem::path(arguments[1]) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
  }
  return 0;
}
