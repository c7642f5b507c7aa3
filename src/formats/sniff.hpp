#pragma once
#include <boost/describe.hpp>
#include <string_view>

#include "formats/source.hpp"

namespace modelops::formats {

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
BOOST_DESCRIBE_ENUM(FileFormat, unknown, onnx, gguf, safetensors, pickle, joblib, pytorch_zip, torchscript, keras_zip,
                    hdf5, saved_model, tflite, numpy, numpy_zip, zip, xgboost_json, xgboost_ubjson, json)

std::string_view format_name(FileFormat format);

/// Decides by content; archives come back as `zip`, their kind is decided from their directory. The name counts only
/// for a file whose content says nothing: then a known extension is what the file claims to be, and its reader will
/// say what is wrong.
FileFormat sniff(const RandomAccess& source, std::string_view path);

/// What the extension of `path` claims, `unknown` when it claims nothing.
FileFormat claimed_format(std::string_view path);

}  // namespace modelops::formats
