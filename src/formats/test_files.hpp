#pragma once
// Writers of small model files, sound and hostile, for the tests and the seeds of the fuzzers.
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace modelops::formats::testing {

template <class Number>
std::string le(Number value) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof value; ++i)
    bytes += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
  return bytes;
}
inline std::string u16(std::uint64_t v) { return le(static_cast<std::uint16_t>(v)); }
inline std::string u32(std::uint64_t v) { return le(static_cast<std::uint32_t>(v)); }
inline std::string u64(std::uint64_t v) { return le(v); }

// --- GGUF

inline std::string gguf_string(std::string_view text) { return u64(text.size()) + std::string(text); }
inline std::string gguf_text(std::string_view key, std::string_view value) {
  return gguf_string(key) + u32(8) + gguf_string(value);
}
inline std::string gguf_u32(std::string_view key, std::uint64_t value) {
  return gguf_string(key) + u32(4) + u32(value);
}
inline std::string gguf_texts(std::string_view key, const std::vector<std::string>& values) {
  std::string bytes = gguf_string(key) + u32(9) + u32(8) + u64(values.size());
  for (const auto& value : values) bytes += gguf_string(value);
  return bytes;
}
inline std::string gguf_tensor(std::string_view name, const std::vector<std::uint64_t>& shape, std::uint64_t type,
                               std::uint64_t offset) {
  std::string bytes = gguf_string(name) + u32(shape.size());
  for (const auto dimension : shape) bytes += u64(dimension);
  return bytes + u32(type) + u64(offset);
}
/// Header, metadata and tensors as given; data of `data_bytes` zeros, aligned to `alignment`.
inline std::string gguf(const std::vector<std::string>& metadata, const std::vector<std::string>& tensors,
                        std::size_t data_bytes, std::uint32_t version = 3, std::size_t alignment = 32) {
  std::string bytes = "GGUF" + u32(version) + u64(tensors.size()) + u64(metadata.size());
  for (const auto& entry : metadata) bytes += entry;
  for (const auto& tensor : tensors) bytes += tensor;
  if (data_bytes != 0) bytes.resize((bytes.size() + alignment - 1) / alignment * alignment);
  return bytes + std::string(data_bytes, '\0');
}
/// A small sound one: 64x4 in F32, then 256x2 in Q4_K.
inline std::string small_gguf() {
  return gguf(
      {gguf_text("general.architecture", "llama"), gguf_text("general.name", "Small"),
       gguf_text("general.license", "apache-2.0"), gguf_u32("general.file_type", 15),
       gguf_u32("llama.context_length", 2048), gguf_u32("llama.block_count", 2), gguf_u32("llama.embedding_length", 64),
       gguf_text("tokenizer.ggml.model", "gpt2"), gguf_texts("tokenizer.ggml.tokens", {"a", "b", "c"}),
       gguf_text("tokenizer.chat_template", "{{ messages }}")},
      {gguf_tensor("token_embd.weight", {64, 4}, 0, 0), gguf_tensor("output.weight", {256, 2}, 12, 1024)}, 1024 + 288);
}

// --- safetensors

inline std::string safetensors(std::string_view header, std::size_t data_bytes) {
  return u64(header.size()) + std::string(header) + std::string(data_bytes, '\0');
}
inline std::string small_safetensors() {
  return safetensors(R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2],"data_offsets":[12,20]},)"
                     R"("a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]}}   )",
                     20);
}

// --- protobuf and ONNX

inline std::string varint(std::uint64_t value) {
  std::string bytes;
  do {
    bytes += static_cast<char>((value & 0x7F) | (value > 0x7F ? 0x80 : 0));
    value >>= 7;
  } while (value != 0);
  return bytes;
}
inline std::string pb(std::uint64_t field, std::uint64_t value) { return varint(field << 3) + varint(value); }
inline std::string pb(std::uint64_t field, const std::string& value) {
  return varint(field << 3 | 2) + varint(value.size()) + value;
}
inline std::string pb(std::uint64_t field, const char* value) { return pb(field, std::string(value)); }

inline std::string onnx_tensor(const std::string& name, std::initializer_list<std::uint64_t> dims,
                               const std::string& more) {
  std::string bytes;
  for (const auto dim : dims) bytes += pb(1, dim);
  return bytes + pb(2, 1) + pb(8, name) + more;
}
inline std::string onnx_external(const std::string& location, const std::string& offset = "0",
                                 const std::string& length = "24") {
  return pb(13, pb(1, "location") + pb(2, location)) + pb(13, pb(1, "offset") + pb(2, offset)) +
         pb(13, pb(1, "length") + pb(2, length)) + pb(14, 1);
}
inline std::string onnx_port(const std::string& name, const std::string& dims) {
  return pb(1, name) + pb(2, pb(1, pb(1, 1) + pb(2, dims)));
}
inline std::string onnx_node(const std::string& type, const std::string& domain = "", const std::string& more = "") {
  return pb(1, "x") + pb(2, "y") + pb(4, type) + (domain.empty() ? "" : pb(7, domain)) + more;
}
/// x[batch, 3] -> MatMul with w[3, 2] -> y[batch, 2]. `tensor` replaces w, `graph_more` and `model_more` are appended.
inline std::string onnx(const std::string& tensor = onnx_tensor("w", {3, 2}, pb(9, std::string(24, '\0'))),
                        const std::string& graph_more = "", const std::string& model_more = "") {
  const std::string graph = pb(1, onnx_node("MatMul")) + pb(2, "tiny") + pb(5, tensor) +
                            pb(11, onnx_port("x", pb(1, pb(2, "batch")) + pb(1, pb(1, 3)))) +
                            pb(12, onnx_port("y", pb(1, pb(2, "batch")) + pb(1, pb(1, 2)))) + graph_more;
  return pb(1, 8) + pb(2, "writer") + pb(7, graph) + pb(8, pb(1, "") + pb(2, 13)) + model_more;
}
inline std::string nested_onnx(int depth) {
  std::string graph = pb(1, onnx_node("Identity"));
  for (int i = 0; i < depth; ++i) graph = pb(1, onnx_node("If", "", pb(5, pb(1, "then_branch") + pb(6, graph))));
  return pb(1, 8) + pb(7, graph) + pb(8, pb(2, 13));
}

// --- ZIP

struct ZipPart {
  std::string name;
  std::string bytes;
  std::string local_name;  ///< empty: the same
  std::uint16_t method = 0;
};
inline std::string zip(const std::vector<ZipPart>& parts) {
  std::string bytes;
  std::string directory;
  for (const auto& part : parts) {
    const std::string& local = part.local_name.empty() ? part.name : part.local_name;
    const std::string sizes = u32(0) + u32(part.bytes.size()) + u32(part.bytes.size());  // CRC 0: nobody checks it
    directory += "PK\1\2" + u16(20) + u16(20) + u16(0) + u16(part.method) + u32(0) + sizes + u16(part.name.size()) +
                 u16(0) + u16(0) + u16(0) + u16(0) + u32(0) + u32(bytes.size()) + part.name;
    bytes += "PK\3\4" + u16(20) + u16(0) + u16(part.method) + u32(0) + sizes + u16(local.size()) + u16(0) + local +
             part.bytes;
  }
  const std::size_t start = bytes.size();
  return bytes + directory + "PK\5\6" + u16(0) + u16(0) + u16(parts.size()) + u16(parts.size()) +
         u32(directory.size()) + u32(start) + u16(0);
}

// --- pickle

/// os.system("id"), in the ways that a scanner has to know.
inline std::string global_pickle() { return std::string("\x80\x02") + "cposix\nsystem\nU\x02idR."; }
inline std::string stack_global_pickle() {
  return std::string("\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x93\x8c\x02id\x85R.");
}
inline std::string text_pickle() { return "cos\nsystem\n(S'id'\ntR."; }
inline std::string inst_pickle() { return "(S'id'\nios\nsystem\n."; }
/// The name comes out of the memo and is then swapped: it cannot be told without running the program.
inline std::string computed_pickle() {
  return std::string("\x80\x04\x8c\x06system\x94\x8c\x05posix0\x8c\x02os2\x30\x93.");
}
inline std::string torch_pickle() {
  return std::string("\x80\x02") + "ccollections\nOrderedDict\n)Rctorch._utils\n_rebuild_tensor_v2\nq\x01.";
}

}  // namespace modelops::formats::testing
