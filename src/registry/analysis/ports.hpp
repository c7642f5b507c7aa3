#pragma once
#include <functional>
#include <memory>

#include "platform/storage/blobs.hpp"
#include "registry/analysis/types.hpp"

namespace modelops::registry {

/// One file of a source, opened when it is looked at.
struct SourceFile {
  std::string path;
  std::uint64_t size_bytes = 0;
  std::function<std::unique_ptr<storage::BlobReader>()> open;
};

/// Reads what a source is: answered by `formats`.
class SourceAnalyzer {
 public:
  virtual ~SourceAnalyzer() = default;
  /// Throws Error(unprocessable) with what is wrong when the files are not a model, or a malformed one.
  virtual Analysis analyze(const std::vector<SourceFile>& files) = 0;
};

/// Lists the tensors of a file, from its header: answered by `formats`.
class TensorReader {
 public:
  virtual ~TensorReader() = default;
  /// In the order of the file; none for one that is of no format with tensors. Throws Error(unprocessable) with what is
  /// wrong for a malformed one.
  virtual std::vector<Tensor> read(const SourceFile& file) = 0;
};

/// Takes an archive apart: answered by `formats`.
class Unpacker {
 public:
  struct Limits {
    std::int64_t files_max = 0;
    std::uint64_t bytes_max = 0;  ///< of all files together
  };
  /// Takes the files of an archive, one after the other.
  class Target {
   public:
    virtual ~Target() = default;
    /// `path` is relative and stays below the folder; none comes twice.
    virtual void begin(const std::string& path) = 0;
    virtual void write(std::string_view bytes) = 0;
    virtual void end() = 0;
  };
  virtual ~Unpacker() = default;
  /// Throws Error(unprocessable) with what is wrong for what is no archive, is damaged, exceeds a limit, or holds
  /// anything but plain files and folders below its own; Error(too_large) beyond `bytes_max`.
  virtual void unpack(const storage::BlobReader& archive, const Limits& limits, Target& target) = 0;
};

}  // namespace modelops::registry
