#pragma once
// Bodies of the Open Inference Protocol v2 with its binary tensor data extension.
// https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/runtime/tensor.hpp"

namespace modelops::runtime {

struct RequestedOutput {
  std::string name;
  std::optional<bool> binary;  ///< as raw bytes after the JSON; absent: as the request says
};

struct InferRequest {
  std::optional<std::string> id;  ///< echoed in the answer
  std::vector<Tensor> inputs;
  std::vector<RequestedOutput> outputs;  ///< empty: all
  bool binary_outputs = false;
};

/// `json_size_bytes`: the Inference-Header-Content-Length, when raw tensors follow the JSON. Throws Error(invalid)
/// naming the field. Numbers go straight into the tensors; memory is bounded by a small multiple of `body`.
InferRequest decode_infer_request(std::string_view body, std::optional<std::size_t> json_size_bytes);

struct OutputTensor {
  Tensor tensor;
  bool binary = false;
};

struct InferResponse {
  std::string body;
  std::optional<std::size_t> json_size_bytes;  ///< set when raw tensors follow the JSON
};

/// Numbers that JSON cannot say (infinite, not a number) become null. Throws Error(invalid) for strings that are not
/// UTF-8 and were not asked for as binary.
InferResponse encode_infer_response(std::string_view model, std::string_view version,
                                    const std::optional<std::string>& id, std::span<const OutputTensor> outputs);

}  // namespace modelops::runtime
