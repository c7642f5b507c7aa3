#pragma once
// Recognition of Python pickles (the opcodes of CPython's pickletools). A pickle is a program: it is never run here.
// The scan names what the program would import, as a hint for people; it is a tripwire, not a boundary.
#include <cstdint>
#include <set>
#include <string>

#include "formats/source.hpp"

namespace modelops::formats {

struct PickleScan {
  int protocol = 0;               ///< of the first stream
  std::uint64_t streams = 0;      ///< pickles one after another; PyTorch's old format has several
  std::set<std::string> imports;  ///< "module name"; "?" where the name is computed at run time
  std::uint64_t calls = 0;        ///< opcodes that call something: REDUCE, NEWOBJ, INST, OBJ, BUILD
  bool complete = false;          ///< every byte was understood; false also when a cap was hit
};

/// Reads at most 2 million opcodes and 1,000 imports. Never throws for what the file contains.
PickleScan scan_pickle(const RandomAccess& source);

/// True when the scan shows a program: a PROTO opcode in front, or an import that something is then done with.
bool looks_like_pickle(const RandomAccess& source);

/// True for imports that PyTorch's own weight files consist of. Everything else deserves a look.
bool is_ordinary_import(std::string_view import);

}  // namespace modelops::formats
