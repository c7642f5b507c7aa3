#pragma once
// The directory of a ZIP archive (PKWARE APPNOTE 6.3, with ZIP64): enough to recognise what is inside. Nothing is
// inflated. PyTorch and Keras files are such archives.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "formats/cursor.hpp"

namespace modelops::formats {

struct ZipEntry {
  std::string name;
  std::uint16_t method = 0;  ///< 0 is stored
  std::uint64_t compressed_bytes = 0;
  std::uint64_t uncompressed_bytes = 0;
  std::uint64_t local_header = 0;
};

/// The central directory. Throws Error(unprocessable) for damage, more than 200,000 entries, a name given twice, and
/// names that leave the folder. Flags and checksums are ignored: readers differ in what they make of them.
std::vector<ZipEntry> read_zip(const RandomAccess& source, std::string_view file_name);

/// The bytes of a stored entry; `source` must outlive it. Throws Error(unprocessable) when the entry's own header
/// tells another name than the directory, which is how a scanner is shown other bytes than the loader reads.
std::unique_ptr<RandomAccess> open_stored(const RandomAccess& source, std::string_view file_name,
                                          const ZipEntry& entry);

}  // namespace modelops::formats
