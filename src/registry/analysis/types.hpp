#pragma once
// What a tree of files is and how it is best served: read from headers only, nothing is executed.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reflect/describe.hpp"

namespace modelops::registry {

/// What a file is. `unknown` is anything that no model consists of, such as text or an image.
enum class FileFormat {
  unknown,
  onnx,
  gguf,
  safetensors,
  pickle,
  joblib,       ///< a compressed pickle as joblib writes it
  pytorch_zip,  ///< torch.save: a ZIP with a pickle in it
  torchscript,  ///< torch.jit.save: with code in it
  keras_zip,    ///< Keras 3
  hdf5,         ///< Keras 2 and others
  saved_model,  ///< TensorFlow: saved_model.pb
  tflite,
  numpy,
  numpy_zip,
  zip,
  xgboost_json,
  xgboost_ubjson,
  json,
};
MODELOPS_DESCRIBE_ENUM(FileFormat, unknown, onnx, gguf, safetensors, pickle, joblib, pytorch_zip, torchscript,
                       keras_zip, hdf5, saved_model, tflite, numpy, numpy_zip, zip, xgboost_json, xgboost_ubjson, json)

enum class Framework { unknown, onnx, gguf, transformers, pytorch, tensorflow, sklearn, xgboost };
MODELOPS_DESCRIBE_ENUM(Framework, unknown, onnx, gguf, transformers, pytorch, tensorflow, sklearn, xgboost)

/// What a client says to the model: messages, a text to go on with, a text to turn into a vector, or tensors.
enum class ModelInterface { chat, completion, embedding, custom };
MODELOPS_DESCRIBE_ENUM(ModelInterface, chat, completion, embedding, custom)

/// By parameters: below 100 million, 1, 10 and 100 billion, and above. Without a parameter count the bytes decide,
/// counting two bytes for each parameter.
enum class SizeClass { tiny, small, medium, large, xlarge };
MODELOPS_DESCRIBE_ENUM(SizeClass, tiny, small, medium, large, xlarge)

/// How the files come to the engine. `embed` (below 2 GB): in the image, so that what runs is one immutable thing;
/// above, pulls get slow and some registries refuse the layer. `volume` (below 50 GB): fetched once to a disk next to
/// the engine, shared by its replicas. `stream`: read from the object store while loading, since a node's disk may
/// not hold it and copying first would double the start-up time.
enum class StorageStrategy { embed, volume, stream };
MODELOPS_DESCRIBE_ENUM(StorageStrategy, embed, volume, stream)

enum class Severity { info, warning, danger };
MODELOPS_DESCRIBE_ENUM(Severity, info, warning, danger)

struct AnalysisWarning {
  Severity severity = Severity::info;
  std::string code;  ///< stable, snake_case: see README.md
  std::string message;
  std::optional<std::string> file;
};
MODELOPS_DESCRIBE(AnalysisWarning, severity, code, message, file);

struct TensorPort {
  std::string name;
  std::string dtype;                   ///< "float32", "int64", ...
  std::vector<std::int64_t> shape;     ///< -1 is any size
  std::vector<std::string> dim_names;  ///< as long as `shape`; empty for a dimension without a name
};
MODELOPS_DESCRIBE(TensorPort, name, dtype, shape, dim_names);

struct DtypeShare {
  std::string dtype;
  std::int64_t tensors = 0;
  std::int64_t elements = 0;
};
MODELOPS_DESCRIBE(DtypeShare, dtype, tensors, elements);

/// A weight, by its header.
struct Tensor {
  std::string name;
  std::string dtype;                       ///< as the file calls it: "BF16", "Q4_K", "float32"
  std::vector<std::int64_t> shape;         ///< the outermost dimension first
  std::optional<std::int64_t> size_bytes;  ///< absent when the header does not say
};
MODELOPS_DESCRIBE(Tensor, name, dtype, shape, size_bytes);

struct Analysis {
  Framework framework = Framework::unknown;
  FileFormat format = FileFormat::unknown;  ///< of the weights
  std::optional<std::string> primary_file;  ///< what an engine is pointed at; absent: the folder
  std::optional<std::string> name;          ///< as the file calls itself
  std::optional<std::string> architecture;  ///< "gemma3", "LlamaForCausalLM"
  std::optional<std::string> model_type;    ///< "gemma3", "llama", "bert"
  std::optional<std::string> producer;      ///< the program that wrote the file
  ModelInterface interface = ModelInterface::custom;
  std::optional<std::string> task;  ///< the model card's pipeline_tag
  std::optional<std::int64_t> parameter_count;
  std::int64_t tensor_count = 0;
  std::vector<DtypeShare> dtypes;
  std::optional<std::string> dtype;         ///< of most parameters
  std::optional<std::string> quantization;  ///< "Q4_K_M", "awq 4-bit"
  std::optional<std::int64_t> context_length;
  std::int64_t size_bytes = 0;  ///< of all files
  std::int64_t file_count = 0;
  SizeClass size_class = SizeClass::tiny;
  StorageStrategy storage_strategy = StorageStrategy::embed;
  std::optional<std::string> recommended_engine;  ///< onnxruntime, llama_cpp, vllm, tei or triton
  std::vector<std::string> alternative_engines;   ///< sglang, tgi, triton
  std::vector<std::string> dependencies;          ///< what has to be installed beside the engine
  std::optional<std::string> license;             ///< as found, mostly an SPDX id
  std::vector<std::string> base_models;
  bool chat_template = false;
  bool custom_code = false;        ///< the model brings Python code of its own, or refers to some
  bool trust_remote_code = false;  ///< an engine must be told to run that code
  std::vector<std::string> custom_code_files;
  std::vector<TensorPort> inputs;
  std::vector<TensorPort> outputs;
  std::vector<AnalysisWarning> warnings;
};
MODELOPS_DESCRIBE(Analysis, framework, format, primary_file, name, architecture, model_type, producer, interface, task,
                  parameter_count, tensor_count, dtypes, dtype, quantization, context_length, size_bytes, file_count,
                  size_class, storage_strategy, recommended_engine, alternative_engines, dependencies, license,
                  base_models, chat_template, custom_code, trust_remote_code, custom_code_files, inputs, outputs,
                  warnings);

}  // namespace modelops::registry
