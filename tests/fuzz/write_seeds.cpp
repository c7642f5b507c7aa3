// Writes the seeds of the corpus: sound files and the known attacks, made by the same writers as the unit tests.
// Usage: fuzz_write_seeds <folder>. Files that fuzzing found are kept beside them by hand, as "found-...".
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <string>

#include "audit/verify.hpp"
#include "base/text.hpp"
#include "formats/test_files.hpp"
#include "platform/crypto/sign.hpp"
#include "platform/query/page.hpp"
#include "readers.hpp"

using namespace modelops;
using namespace modelops::formats::testing;

namespace {

std::string page_token(std::string_view filter, std::string_view order, const std::vector<reflect::SqlValue>& last) {
  return query::plan(fuzz::fields(), filter, order, "", query::default_page_size()).next_token(last);
}

audit::ExportedRecord record(int number) {
  const audit::Salted payload{R"({"action":"model.create"})", std::string(32, 's')};
  const audit::Salted person{R"({"email":"ann@example.org"})", std::string(32, 'p')};
  audit::ExportedRecord made{
      {"aud_" + std::to_string(number), "org_1", {1'800'000'000'000'000 + number}, "", {}}, payload, {}};
  made.leaf.payload_hash = audit::salted_hash(payload.salt, payload.text);
  if (number == 0) {
    made.personal = person;
    made.leaf.personal_hash = audit::salted_hash(person.salt, person.text);
  }
  return made;
}

/// Two records, of which the second one's payload is erased.
std::string audit_export() {
  const crypto::KeyPair signer = crypto::signing_key_from(Secret(std::string(32, '\x11')));
  std::string out = audit::export_header("org_1", {{"k1", signer.public_key}});
  audit::Frontier tree;
  for (int i = 0; i < 2; ++i) {
    audit::ExportedRecord made = record(i);
    if (i == 1) made.payload.reset();
    out += audit::export_record(tree.size(), made);
    tree.append(audit::leaf_hash(audit::encode_leaf(made.leaf)));
  }
  out += audit::export_head(
      audit::sign_head({"org_1", tree.size(), tree.root(), {1'800'000'000'000'000}, "k1"}, signer.private_key));
  return out + audit::export_end(tree.size());
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  return text.replace(text.find(from), from.size(), to);
}

}  // namespace

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
      {"filter/all-operators",
       R"(name LIKE 'a\%_%' AND (size >= -3 OR NOT score < 1.5e1) AND done != true AND mood NOT IN ("calm", 'wild'))"},
      {"filter/tags", R"(tags.team/a-b.c = 'x' OR tags."a ""b" LIKE 'X%' AND `note` NOT LIKE "%")"},
      {"filter/time", "made_at > '2027-01-15T09:00:00.000002+01:00'"},
      {"filter/injection", R"(name = '''; DROP TABLE models; -- ? \' \\')"},
      {"filter/deep", std::string(40, '(') + "size = 1" + std::string(40, ')')},
      {"filter/nots", "NOT NOT NOT NOT done = false"},
      {"filter/large-number", "size > 99999999999999999999 OR score < 1e999"},
      {"filter/never-closed", "name = 'x"},
      {"filter/hidden-field", "na\u200bme\u202e = 1"},
      {"filter/hidden-value", "mood = 'ca\u202elm' OR size LIKE '\u2028'"},
      {"exposition/llama_cpp", "# TYPE llamacpp:requests_processing gauge\nllamacpp:requests_processing 2\n"},
      {"exposition/labels",
       "vllm:e2e_bucket{le=\"0.5\",model=\"a\\\"b\\nc\"} 1e3 1700000000 # {trace=\"x\"} 1\nm{} +Inf\nm NaN"},
      {"exposition/broken", "m{\nm{a\nm{a=\nm{a=\"\nm{a=\"b\"\nm{a=\"b\\\nm 1x\n<html>"},
      {"page_token/name", page_token("size > 1", "", {"digits", "mdl_1"})},
      {"page_token/two-columns",
       page_token("size > 1", "made_at desc, name", {std::int64_t{1'800'000'000}, "a", "mdl_1"})},
      {"page_token/mixed", page_token("size > 1", "done, size desc", {std::int64_t{1}, std::int64_t{-5}, "mdl_1"})},
      {"page_token/inside", *from_base64url(page_token("size > 1", "", {"digits", "mdl_1"}))},
      {"page_token/other-query", page_token("", "", {"digits", "mdl_1"})},
      {"page_token/nul",
       replaced(*from_base64url(page_token("size > 1", "", {"digits", "mdl_1"})), "digits", "dig\\u0000its")},
      {"json/whole",
       R"({"mood":"calm","text":"é\u00e9\ud83d\ude00","number":-9223372036854775808,"flag":true,)"
       R"("time":"2027-01-15T08:00:00Z","parts":[{"name":"a"},{"name":"b-1","weight":1e-3}],"tags":{"k":"v"},)"
       R"("shape":{"type":"circle","radius":5},"patch":null,"free":{"a":[1,2.5,null,"x",{}]}})"},
      {"json/other-shape", R"({"shape":{"text":"l","type":"label"},"mood":"wild","free":18446744073709551615})"},
      {"json/many-violations", R"({"mood":"sad","text":1,"number":1.5,"flag":0,"time":"now","parts":[{},{"name":""}],)"
                               R"("tags":{"":1},"shape":{"type":"square"},"patch":"123456789","a/b~c":1})"},
      {"json/key-twice", R"({"mood":"calm","mood":"wild","free":{"a":1,"a":2}})"},
      {"json/deep", R"({"mood":"calm","free":)" + std::string(60, '[') + std::string(60, ']') + "}"},
      {"json/large-numbers", R"({"mood":"calm","number":9223372036854775808,"free":[1e308,1e309,-0,0.1e-400]})"},
      {"json/surrogate", R"({"mood":"calm","text":"\ud800"})"},
      {"json/nul", R"({"mood":"calm","text":"a\u0000b","\u0000":1})"},
      {"json/hidden-key", "{\"mood\":\"calm\",\"a\u202eb\":1,\"\\u001b[2J\":2}"},
      {"json/byte-order-mark", "\xef\xbb\xbf{}"},
      {"http_head/get", "GET /api/v1/models?filter=name%20%3D%201&page_size=2 HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"http_head/absolute", "GET http://h:1/p?q HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"},
      {"http_head/chunked",
       "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nAccept-Encoding: gzip;q=0.5, *;q=0\r\n\r\n"
       "5;ext=1\r\nhello\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"},
      {"http_head/expect", "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello"},
      {"http_head/smuggling",
       "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"http_head/two-lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n"},
      {"http_head/chunk-overflow",
       "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nx"},
      {"http_head/folded", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n"},
      {"http_head/bare-line-feed", "GET / HTTP/1.1\nHost: h\n\n"},
      {"http_head/bad-escape", "GET /a%zz?b=%2 HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"tus_headers/metadata", "filename d29ybGQub25ueA==,is_confidential,path YS9i\nunpack dHJ1ZQ==, sha256 !\n"},
      {"tus_headers/concatenation", "partial\nfinal;/files/a https://h/files/b\nfinal;\nfinal;/\n"},
      {"tus_headers/checksum", "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=\nsha256 Kq5sNclPz7QV2+lfQIuc6R7oRu0=\nmd5 AA==\n"},
      {"tus_headers/bytes", "0\n4611686018427387904\n18446744073709551617\n-1\n1e3\n"},
      {"archive/zip", zip({{"net/model.onnx", "weights", "", 0}, {"net/config.json", "{}", "", 0}})},
      {"archive/zip-traversal", zip({{"../../etc/cron.d/x", "x", "", 0}})},
      {"archive/zip-other-name", zip({{"a", "x", "../b", 0}})},
      {"archive/gzip", std::string("\x1f\x8b\x08\0\0\0\0\0\0\x03", 10)},
      {"audit_export/intact", audit_export()},
      {"audit_export/changed", replaced(audit_export(), "model.create", "model.delete")},
      {"audit_export/cut", audit_export().substr(0, audit_export().size() / 2)},
      {"audit_export/other-index", replaced(audit_export(), "\"index\":1", "\"index\":7")},
      {"audit_export/large-index", replaced(audit_export(), "\"index\":1", "\"index\":18446744073709551615")},
      {"audit_export/terminal", replaced(audit_export(), "org_1", "org\\u001b[2J\\u202e")},
      {"audit_export/unknown-field", replaced(audit_export(), "\"index\":1", "\"index\":1,\"\\u001b[2J\":1")},
  };
  for (const auto& [name, bytes] : seeds) {
    const auto path = std::filesystem::path(arguments[1]) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
  }
  return 0;
}
